import assert from 'node:assert/strict'
import { isEveryAddress, isLoopback, isOpenToAll } from '../../../src/servers/reach'

describe('how far a bind address reaches', () => {
  type Reach = 'this server' | 'every address' | 'everybody' | 'unknown'
  const rows: [Reach, ...string[]][] = [
    [
      'this server',
      'localhost',
      'LOCALHOST',
      '127.0.0.1',
      '127.1',
      '127.255.0.1',
      '0x7f.1',
      '2130706433',
      '::1',
    ],
    ['this server', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'],
    ['every address', '*', '0.0.0.0', '0', '0x0', '::', '0:0:0:0:0:0:0:0'],
    ['everybody', '203.0.113.5', '8.8.8.8', '172.32.0.1', '2001:db8::1', '::ffff:8.8.8.8'],
    ['unknown', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '169.254.1.1', 'fe80::1', 'fd00::1'],
    ['unknown', 'dev.example.com', '127.example.com', 'localhost.example.com', '', 'a b', '[', '256.1.1.1'],
  ]
  for (const [reach, ...hosts] of rows) {
    for (const host of hosts) {
      it(`of ${JSON.stringify(host)}: ${reach}`, () => {
        assert.equal(isLoopback(host), reach === 'this server')
        assert.equal(isEveryAddress(host), reach === 'every address')
        assert.equal(isOpenToAll(host), reach === 'every address' || reach === 'everybody')
      })
    }
  }
})
