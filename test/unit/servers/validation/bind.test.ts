import assert from 'node:assert/strict'
import { formatBind } from '../../../../src/servers/profile'
import { readBind } from '../../../../src/servers/validation/bind'

describe('readBind', () => {
  const accepted = [
    '127.0.0.1:8080',
    'localhost:1',
    'dev.example.com:65535',
    '[::1]:8080',
    '[fe80::1%eth0]:8080',
    '0.0.0.0:443',
    '*:8080',
    '[::]:8080',
    '127.0.0.1:{20000-20099}',
    '[::]:{20000-20999}',
    '*:{1-2}',
    '0.0.0.0:{64536-65535}',
    '/run/expose/{name}.sock',
    '/run/one.sock',
    '/{name}',
    `/${'x'.repeat(106)}`,
  ]
  for (const text of accepted) {
    it(`reads ${text.slice(0, 40)}, and formatBind writes it the same`, () => {
      const read = readBind(text)
      assert.ok('value' in read, JSON.stringify(read))
      assert.equal(formatBind(read.value), text)
    })
  }

  it('takes a range of one port for that port', () => {
    assert.deepEqual(readBind('127.0.0.1:{8080-8080}'), readBind('127.0.0.1:8080'))
  })

  const refused: [text: string, says: string, instead?: string][] = [
    ['127.0.0.1:{20099-20000}', 'has a range that runs backwards', '127.0.0.1:{20000-20099}'],
    ['127.0.0.1:{0-10}', 'has ports that do not exist', '127.0.0.1:{1-10}'],
    ['127.0.0.1:{65530-65536}', 'has ports that do not exist', '127.0.0.1:{65530-65535}'],
    ['127.0.0.1:{70000-80000}', 'has ports that do not exist', '127.0.0.1:{65535-65535}'],
    ['127.0.0.1:{99999-0}', 'runs backwards', '127.0.0.1:{1-1000}'],
    ['127.0.0.1:{20000-21000}', 'has 1001 ports, more than 1000', '127.0.0.1:{20000-20999}'],
    ['[::]:{1-65535}', 'has 65535 ports, more than 1000', '[::]:{1-1000}'],
    ['127.0.0.1:{20000}', '{20000} is not a range of ports', '127.0.0.1:{20000-20099}'],
    ['127.0.0.1:{20000..20099}', '{20000..20099} is not a range', '127.0.0.1:{20000-20099}'],
    ['127.0.0.1:{20000,20001}', '{20000,20001} is not a range', '127.0.0.1:{20000-20099}'],
    ['127.0.0.1:{port}', '{port} is not a range', '127.0.0.1:{20000-20099}'],
    ['127.0.0.1:{}', '{} is not a range', '127.0.0.1:{20000-20099}'],
    ['127.0.0.1:{-1-5}', '{-1-5} is not a range', '127.0.0.1:{20000-20099}'],
    ['127.0.0.1:20000-20099', 'writes a range without braces', '127.0.0.1:{20000-20099}'],
    ['{20000-20099}', '{20000-20099} cannot be filled in here'],
    [':{20000-20099}', '":{20000-20099}" is not an address'],
    ['{1-2}:{3-4}', '"{1-2}:{3-4}" is not an address'],
    ['::1:{3-4}', 'is not an address'],
    ['127.0.0.1:{1-2}{3-4}', '{1-2} cannot be filled in'],
    ['8080', 'needs an address too', '127.0.0.1:8080'],
    ['256.1.1.1:8080', '"256.1.1.1:8080" is not an address'],
    ['[:::]:8080', 'is not an address'],
    ['-x:8080', 'is not an address'],
    ['a b:8080', 'is not an address'],
    ['a\0b:8080', 'is not an address'],
    ['/run/{port}.sock', '{port} cannot be filled in here; use {name}'],
    ['/run/{1-2}', '{1-2} cannot be filled in here; use {name}'],
    ['/run/a\nb', 'holds a control character'],
    ['/run/a\0b', 'holds a control character'],
    ['/run/expose/', 'names a directory; write /run/expose/{name}.sock'],
    [`/${'x'.repeat(107)}`, 'is longer than the 107 bytes'],
    [`/${'é'.repeat(54)}`, 'is longer than the 107 bytes'],
  ]
  for (const [text, says, instead] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}, and says what to write`, () => {
      const read = readBind(text)
      assert.ok('wrong' in read, JSON.stringify(read))
      assert.ok(read.wrong.includes(says), read.wrong)
      const written = /write "([^"]+)"/.exec(read.wrong)?.[1]
      assert.ok(instead === undefined || written === instead, read.wrong)
      // What the message says to write must not be the next thing that is wrong.
      if (written !== undefined) assert.ok('value' in readBind(written), written)
    })
  }
})
