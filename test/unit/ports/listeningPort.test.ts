import assert from 'node:assert/strict'
import { canonicalAddress, groupByPort } from '../../../src/ports/listeningPort'

describe('canonicalAddress', () => {
  const cases: [string, string | undefined][] = [
    ['127.0.0.1', '127.0.0.1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['0000:0000:0000:0000:0000:0000:0000:0000', '::'],
    ['2001:0DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // RFC 5952 4.2.3: the first of two equal runs
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // 4.2.2: a single zero is not shortened
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['0000:0000:0000:0000:0000:ffff:c0a8:0001', '192.168.0.1'],
    ['::ffff:0:0', '0.0.0.0'],
    ['fe80::8c1d:22ff:fe90:1%12', 'fe80::8c1d:22ff:fe90:1'],
    ['[::1]', '::1'],
    ['localhost', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of cases) {
    it(`reads '${text}' as ${expected}`, () => assert.equal(canonicalAddress(text), expected))
  }
})

describe('groupByPort', () => {
  const app = { pid: 50, name: 'puma' }
  const worker = { pid: 40, name: 'puma' }

  it('gives one entry per port, sorted, with unique sorted addresses', () => {
    const ports = groupByPort([
      { port: 8080, address: '::' },
      { port: 80, address: '127.0.0.1', process: app },
      { port: 8080, address: '0.0.0.0' },
      { port: 8080, address: '::' },
    ])
    assert.deepEqual(ports, [
      { port: 80, addresses: ['127.0.0.1'], process: app },
      { port: 8080, addresses: ['0.0.0.0', '::'] },
    ])
  })

  it('names the server, not the worker it forked, even when the pid wrapped around', () => {
    const sockets = [
      { port: 80, address: '::', process: worker, parentPid: 50 },
      { port: 80, address: '::', process: app, parentPid: 1 },
    ]
    assert.equal(groupByPort(sockets)[0]?.process, app)
    assert.equal(groupByPort(sockets.toReversed())[0]?.process, app)
  })

  it('names the process of the socket that we may read', () => {
    const sockets = [
      { port: 80, address: '::' },
      { port: 80, address: '0.0.0.0', process: app },
    ]
    assert.equal(groupByPort(sockets)[0]?.process, app)
  })
})
