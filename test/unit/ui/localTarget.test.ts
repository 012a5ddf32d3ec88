import assert from 'node:assert/strict'
import { formatLocalTarget, parseLocalTarget, type LocalTarget } from '../../../src/ui/localTarget'

describe('parseLocalTarget', () => {
  const good: [string, LocalTarget][] = [
    ['3000', { host: 'localhost', port: 3000 }],
    [':3000', { host: 'localhost', port: 3000 }],
    [' 3000 ', { host: 'localhost', port: 3000 }],
    ['1', { host: 'localhost', port: 1 }],
    ['65535', { host: 'localhost', port: 65535 }],
    ['localhost:3000', { host: 'localhost', port: 3000 }],
    ['LOCALHOST:3000', { host: 'localhost', port: 3000 }],
    ['http://localhost:3000', { host: 'localhost', port: 3000 }],
    ['http://localhost:3000/', { host: 'localhost', port: 3000 }],
    ['https://localhost:5173/app/index.html?x=1#top', { host: 'localhost', port: 5173 }],
    ['http://localhost:3000?x=1', { host: 'localhost', port: 3000 }],
    ['localhost:3000#top', { host: 'localhost', port: 3000 }],
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['192.168.1.5:8080', { host: '192.168.1.5', port: 8080 }],
    ['[::1]:3000', { host: '::1', port: 3000 }],
    ['http://[2001:DB8::7]:3000/', { host: '2001:db8::7', port: 3000 }],
    ['printer.local:631', { host: 'printer.local', port: 631 }],
  ]
  for (const [text, expected] of good) {
    it(`reads ${text}`, () => assert.deepEqual(parseLocalTarget(text), expected))
  }

  const bad = [
    ...['', ' ', '0', ':0', '65536', '99999', '123456', '-1', '3.5', '3000x', 'x', 'localhost', 'localhost:'],
    ...[
      'localhost:0',
      'localhost:65536',
      'localhost:http',
      '::1',
      '[::1]',
      'two words:80',
      'ada@dev:22',
      '/3000',
    ],
    ...['http://', '//localhost:3000', 'localhost:3000:4000', '30 00', '٣٠٠٠'],
  ]
  for (const text of bad) {
    it(`does not read ${JSON.stringify(text)}`, () => assert.equal(parseLocalTarget(text), undefined))
  }
})

describe('formatLocalTarget', () => {
  const rows: [LocalTarget, string][] = [
    [{ host: 'localhost', port: 3000 }, '3000'],
    [{ host: '127.0.0.1', port: 3000 }, '127.0.0.1:3000'],
    [{ host: '::1', port: 3000 }, '[::1]:3000'],
  ]
  for (const [target, text] of rows) {
    it(`writes ${text}, which is read again`, () => {
      assert.equal(formatLocalTarget(target), text)
      assert.deepEqual(parseLocalTarget(text), target)
    })
  }
})
