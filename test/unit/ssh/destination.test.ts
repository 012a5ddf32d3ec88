import assert from 'node:assert/strict'
import { parseDestination, parseHostPort, type Destination } from '../../../src/ssh/destination'

describe('parseDestination', () => {
  const good: [string, Destination][] = [
    ['dev', { host: 'dev' }],
    ['dev.example.com', { host: 'dev.example.com' }],
    ['deploy@dev.example.com', { user: 'deploy', host: 'dev.example.com' }],
    ['deploy@dev.example.com:2222', { user: 'deploy', host: 'dev.example.com', port: 2222 }],
    ['dev.example.com:1', { host: 'dev.example.com', port: 1 }],
    ['dev.example.com:65535', { host: 'dev.example.com', port: 65535 }],
    ['192.0.2.7:22', { host: '192.0.2.7', port: 22 }],
    ['::1', { host: '::1' }],
    ['2001:db8::7', { host: '2001:db8::7' }],
    ['[2001:db8::7]', { host: '2001:db8::7' }],
    ['ada@[2001:db8::7]:2222', { user: 'ada', host: '2001:db8::7', port: 2222 }],
    ['ada@2001:db8::7', { user: 'ada', host: '2001:db8::7' }],
    ['[fe80::1%eth0]:22', { host: 'fe80::1%eth0', port: 22 }],
    ['ada@example.com@dev', { user: 'ada@example.com', host: 'dev' }],
    ['DOMAIN\\ada@dev', { user: 'DOMAIN\\ada', host: 'dev' }],
    ['ssh://dev', { host: 'dev' }],
    ['ssh://dev/', { host: 'dev' }],
    ['ssh://ada@dev:2222', { user: 'ada', host: 'dev', port: 2222 }],
    ['ssh://ada@[::1]:2222/', { user: 'ada', host: '::1', port: 2222 }],
    ['ssh://ada%40example.com@dev', { user: 'ada@example.com', host: 'dev' }],
    ['ssh://100%@dev', { user: '100%', host: 'dev' }],
    ['100%25@dev', { user: '100%25', host: 'dev' }],
  ]
  for (const [text, expected] of good) {
    it(`reads ${text}`, () => assert.deepEqual(parseDestination(text), expected))
  }

  const bad: string[] = [
    '',
    ' ',
    '@dev',
    'ada@',
    'ada@:22',
    'dev:',
    'dev:0',
    'dev:65536',
    'dev:123456',
    'dev:ssh',
    'dev:-1',
    'dev/path',
    'ada@dev/path',
    'two words',
    'dev\n',
    'dev\0',
    'a b@dev',
    '[dev]:22',
    '[::1',
    '[::1]22',
    'https://dev',
    'ssh://',
    'ssh://dev/path',
    // The ssh command would take these for options, and ProxyCommand runs a program.
    '-oProxyCommand=id',
    '-lroot@dev',
    'ada@-oProxyCommand=id',
    'ssh://-oProxyCommand=id',
    'ssh://%2DoProxyCommand=id@dev',
    'ssh://a%00b@dev',
    'ssh://a%20b@dev',
    'ssh://a%0ab@dev',
  ]
  for (const text of bad) {
    it(`does not read ${JSON.stringify(text)}`, () => assert.equal(parseDestination(text), undefined))
  }
})

describe('parseHostPort', () => {
  it('leaves a port out that is not there', () => {
    assert.deepEqual(parseHostPort('dev'), { host: 'dev' })
    assert.deepEqual(parseHostPort('[::1]'), { host: '::1' })
    assert.deepEqual(
      parseHostPort('::1:8080'),
      { host: '::1:8080' },
      'without brackets the last part is address',
    )
  })
})
