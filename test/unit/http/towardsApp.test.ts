import assert from 'node:assert/strict'
import type { Field, HttpRequest } from '../../../src/http/exchange'
import {
  fieldForVisitor,
  fieldsForApp,
  fieldsForVisitor,
  namesOf,
  type Scene,
} from '../../../src/http/towardsApp'

type Asked = Pick<HttpRequest, 'method' | 'fields' | 'host' | 'length' | 'upgrade'>

const request: Asked = {
  method: 'GET',
  fields: [['Host', 'dev.example.com']],
  host: 'dev.example.com',
  length: 'no body',
  upgrade: undefined,
}
const scene: Scene = {
  app: { host: 'localhost', port: 3000, scheme: 'http' },
  publicUrl: 'https://dev.example.com',
  hostHeader: 'local',
  isEdge: false,
}
const atEdge = { isEdge: true } as const
const publicly = { hostHeader: 'public' } as const

const told = (changes: Partial<Asked>, sceneChanges: Partial<Scene> = {}, address = '203.0.113.7') =>
  fieldsForApp({ ...request, ...changes }, { address, names: namesOf({ ...scene, ...sceneChanges }) })

const withField = (...field: Field): Partial<Asked> => ({ fields: [...request.fields, field] })

describe('fieldsForApp', () => {
  it('keeps what it does not change in order and case', () => {
    const fields: Field[] = [
      ['X-One', '1'],
      ['HOST', 'dev.example.com'],
      ['accept', '*/*'],
      ['ORIGIN', 'https://dev.example.com'],
      ['x-one', '  '],
      ['Cookie', 'a=https://dev.example.com'],
      ['X-Hub-Signature', 'sha256=00'],
    ]
    assert.deepEqual(told({ fields }), [
      ['X-One', '1'],
      ['HOST', 'localhost:3000'],
      ['accept', '*/*'],
      ['ORIGIN', 'http://localhost:3000'],
      ['x-one', '  '],
      ['Cookie', 'a=https://dev.example.com'],
      ['X-Hub-Signature', 'sha256=00'],
    ])
  })

  const hosts: [app: Partial<Scene['app']>, host: string][] = [
    [{}, 'localhost:3000'],
    [{ port: 80 }, 'localhost'],
    [{ port: 443 }, 'localhost:443'],
    [{ port: 443, scheme: 'https' }, 'localhost'],
    [{ port: 3000, scheme: 'https' }, 'localhost:3000'],
    [{ host: '192.168.1.5', port: 8080 }, '192.168.1.5:8080'],
    [{ host: '::1' }, '[::1]:3000'],
    [{ host: 'fe80::1%eth0', port: 80 }, '[fe80::1%eth0]'],
  ]
  for (const [app, host] of hosts) {
    it(`calls the app ${JSON.stringify(app)} ${host}, and itself so in Origin`, () => {
      const all = { ...scene.app, ...app }
      const changes = withField('Origin', 'https://dev.example.com')
      assert.deepEqual(told(changes, { app: all }), [
        ['Host', host],
        ['Origin', `${all.scheme}://${host}`],
      ])
    })
  }

  it('gives a Host to an app whose visitor named none, and another than a reverse proxy may have put there', () => {
    assert.deepEqual(told({ host: undefined, fields: [] }), [['Host', 'localhost:3000']])
    const behindBareProxy = { fields: [['Host', '127.0.0.1:8080']] as Field[], host: '127.0.0.1:8080' }
    assert.deepEqual(told(behindBareProxy)[0], ['Host', 'localhost:3000'])
    assert.deepEqual(told(behindBareProxy, publicly)[0], ['Host', 'dev.example.com'])
  })

  const origins: [publicUrl: string, field: string, value: string, shown: string][] = [
    ['https://dev.example.com', 'Origin', 'https://dev.example.com', 'http://localhost:3000'],
    ['https://dev.example.com/', 'Origin', 'HTTPS://Dev.Example.com', 'http://localhost:3000'],
    ['https://dev.example.com:8443', 'Origin', 'https://dev.example.com:8443', 'http://localhost:3000'],
    ['http://dev.example.com', 'Origin', 'http://dev.example.com', 'http://localhost:3000'],
    ['https://dev.example.com', 'Origin', 'http://dev.example.com', ''],
    ['https://dev.example.com', 'Origin', 'https://dev.example.com:8443', ''],
    ['https://dev.example.com', 'Origin', 'https://dev.example.com.evil.example', ''],
    ['https://dev.example.com', 'Origin', 'https://evil.example', ''],
    ['https://dev.example.com', 'Origin', 'null', ''],
    ['https://dev.example.com', 'Origin', '', ''],
    ['https://dev.example.com', 'Referer', 'https://dev.example.com/a?b', 'http://localhost:3000/a?b'],
    ['https://dev.example.com', 'referer', 'https://dev.example.com?b', 'http://localhost:3000?b'],
    ['https://dev.example.com', 'Referer', 'https://evil.example/?https://dev.example.com/', ''],
    ['https://dev.example.com', 'Referer', 'https://dev.example.com@evil.example/', ''],
    ['https://dev.example.com', 'X-Origin', 'https://dev.example.com', ''],
  ]
  for (const [publicUrl, name, value, shown] of origins) {
    it(`${shown === '' ? 'leaves' : 'translates'} ${name}: ${value} at ${publicUrl}`, () => {
      const last = told(withField(name, value), { publicUrl }).at(-1)
      assert.deepEqual(last, [name, shown === '' ? value : shown])
      assert.deepEqual(told(withField(name, value), { publicUrl, ...publicly })[1], [name, value])
    })
  }

  const others: Field[] = [
    ['X-Forwarded-Host', 'x'],
    ['x-forwarded-proto', 'x'],
    ['X-Forwarded-Port', '1'],
    ['X-Forwarded-Prefix', '/x'],
    ['X-Forwarded-Server', 'x'],
    ['Forwarded', 'for=6.6.6.6'],
  ]
  for (const field of others) {
    it(`leaves out ${field[0]}`, () => {
      assert.deepEqual(told(withField(...field)), [['Host', 'localhost:3000']])
      assert.ok(!told(withField(...field), publicly).some(([, value]) => value === field[1]))
    })
  }

  const callers: [what: string, Partial<Scene>, address: string, expected: Field[]][] = [
    ['as the proxy says', {}, '127.0.0.1', [['x-forwarded-for', '6.6.6.6, 198.51.100.1']]],
    ['by the address at the edge', atEdge, '203.0.113.7', [['X-Forwarded-For', '203.0.113.7']]],
    ['not at all where the edge does not know', atEdge, '', []],
  ]
  for (const [what, changes, address, expected] of callers) {
    it(`tells who called: ${what}`, () => {
      const asked = withField('x-forwarded-for', '6.6.6.6, 198.51.100.1')
      assert.deepEqual(told(asked, changes, address).slice(1), expected)
      const forwarded = told(asked, { ...changes, ...publicly }, address)
      assert.deepEqual(
        forwarded.filter(([name]) => name.toLowerCase() === 'x-forwarded-for'),
        expected,
      )
    })
  }
  it('believes nobody who says at the edge who called', () => {
    assert.deepEqual(told(withField('X-Real-IP', '6.6.6.6'), atEdge, ''), [['Host', 'localhost:3000']])
    assert.deepEqual(told(withField('X-Real-IP', '6.6.6.6')).at(-1), ['X-Real-IP', '6.6.6.6'])
  })

  const names: [publicUrl: string, host: string, port: string][] = [
    ['https://dev.example.com', 'dev.example.com', '443'],
    ['https://dev.example.com:8443', 'dev.example.com:8443', '8443'],
    ['http://dev.example.com', 'dev.example.com', '80'],
    ['https://[2001:db8::1]', '[2001:db8::1]', '443'],
    ['https://[2001:db8::1]:8443', '[2001:db8::1]:8443', '8443'],
  ]
  for (const [publicUrl, host, port] of names) {
    it(`keeps the public name where the app wants it: ${publicUrl}`, () => {
      const expected = [
        ['Host', host],
        ['X-Forwarded-Proto', publicUrl.split(':')[0]],
        ['X-Forwarded-Host', host],
        ['X-Forwarded-Port', port],
      ]
      assert.deepEqual(told({}, { publicUrl, ...publicly }), expected)
      const edge = { publicUrl, ...publicly, ...atEdge }
      assert.deepEqual(told({ fields: [['Host', host]], host }, edge, ''), expected)
    })
  }
  it('keeps what a visitor calls at the edge, where the app wants the public name', () => {
    const other = { fields: [['host', '198.51.100.1']] as Field[], host: '198.51.100.1' }
    const shown = Object.fromEntries(told(other, { ...publicly, ...atEdge }))
    assert.deepEqual([shown['host'], shown['X-Forwarded-Host']], ['198.51.100.1', '198.51.100.1'])
    const nameless = Object.fromEntries(told({ host: undefined, fields: [] }, { ...publicly, ...atEdge }))
    assert.deepEqual([nameless['Host'], nameless['X-Forwarded-Host']], ['localhost:3000', undefined])
  })

  for (const [method, length, expected] of [
    ['GET', 'no body', []],
    ['POST', 'no body', [['Content-Length', '0']]],
    ['POST', 'seen at its end', [['Transfer-Encoding', 'chunked']]],
    ['DELETE', 'seen at its end', [['Transfer-Encoding', 'chunked']]],
    ['POST', 'in a field', []],
  ] as const) {
    it(`says how long the body of a ${method} is: ${length}`, () => {
      assert.deepEqual(told({ method, length }).slice(1), expected)
    })
  }

  it('passes an upgrade on as its own, from the app’s own origin', () => {
    const fields: Field[] = [
      ['host', 'dev.example.com'],
      ['connection', 'keep-alive, Upgrade'],
      ['upgrade', 'websocket'],
      ['origin', 'https://dev.example.com'],
      ['sec-websocket-key', 'k'],
    ]
    assert.deepEqual(told({ fields, upgrade: 'websocket' }), [
      ['host', 'localhost:3000'],
      ['origin', 'http://localhost:3000'],
      ['sec-websocket-key', 'k'],
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ])
    assert.ok(!told({ fields }).some(([name]) => name === 'Upgrade'))
  })
})

describe('fieldsForVisitor', () => {
  const names = (changes: Partial<Scene> = {}) => namesOf({ ...scene, ...changes })

  const locations: [value: string, shown: string, changes?: Partial<Scene>][] = [
    ['http://localhost:3000/a?b#c', 'https://dev.example.com/a?b#c'],
    ['http://LOCALHOST:3000', 'https://dev.example.com'],
    ['http://127.0.0.1:3000/', 'https://dev.example.com/'],
    ['http://[::1]:3000/', 'https://dev.example.com/'],
    ['//localhost:3000/a', '//dev.example.com/a'],
    [
      'http://localhost:3000/',
      'https://dev.example.com:8443/',
      { publicUrl: 'https://dev.example.com:8443' },
    ],
    ['http://localhost/', 'https://dev.example.com/', { app: { ...scene.app, port: 80 } }],
    ['http://localhost:80/', 'https://dev.example.com/', { app: { ...scene.app, port: 80 } }],
    ['http://nas.lan:3000/', 'https://dev.example.com/', { app: { ...scene.app, host: 'nas.lan' } }],
    ['http://localhost:3000/', '', { app: { ...scene.app, host: 'nas.lan' } }],
    ['http://localhost:3000/', '', publicly],
    ['http://localhost:30001/', ''],
    ['http://localhost:3000.evil.example/', ''],
    ['http://localhost:3001/', ''],
    ['https://localhost:3000/', ''],
    ['http://localhost/', ''],
    ['/a', ''],
    ['https://login.example/?to=http://localhost:3000/', ''],
  ]
  for (const [value, shown, changes] of locations) {
    it(`${shown === '' ? 'leaves' : 'translates'} Location: ${value} ${JSON.stringify(changes ?? '')}`, () => {
      const expected = [['LOCATION', shown === '' ? value : shown]]
      assert.deepEqual(fieldsForVisitor([['LOCATION', value]], names(changes)), expected)
    })
  }

  const cookies: [value: string, shown: string, changes?: Partial<Scene>][] = [
    ['a=1; Domain=localhost; Path=/', 'a=1; Domain=dev.example.com; Path=/'],
    ['a=1;domain=.LocalHost;Secure', 'a=1;domain=dev.example.com;Secure'],
    ['a=1; DOMAIN = 127.0.0.1 ', 'a=1; DOMAIN =dev.example.com'],
    ['a=1; Domain=nas.lan', 'a=1; Domain=dev.example.com', { app: { ...scene.app, host: 'NAS.lan' } }],
    ['a=1; Domain=localhost', '', publicly],
    ['a=1; Domain=example.com', ''],
    ['a=domain=localhost; Path=/', ''],
    ['a=1; Path=/domain=localhost', ''],
    ['a=1', ''],
  ]
  for (const [value, shown, changes] of cookies) {
    it(`${shown === '' ? 'leaves' : 'translates'} Set-Cookie: ${value} ${JSON.stringify(changes ?? '')}`, () => {
      const expected: Field = ['Set-Cookie', shown === '' ? value : shown]
      assert.deepEqual(fieldsForVisitor([['Set-Cookie', value]], names(changes)), [expected])
      assert.deepEqual(fieldForVisitor(['Set-Cookie', value], names(changes)), expected)
    })
  }

  const live: Field = ['X-Accel-Buffering', 'no']
  for (const [fields, added] of [
    [[['Content-Type', 'text/event-stream']], [live]],
    [[['content-type', 'Text/Event-Stream; charset=utf-8']], [live]],
    [[['Content-Type', 'text/event-streams']], []],
    [[['Content-Type', 'text/html']], []],
    [
      [
        ['Content-Type', 'text/event-stream'],
        ['x-accel-buffering', 'yes'],
      ],
      [],
    ],
    [[], []],
  ] as [Field[], Field[]][]) {
    it(`${added.length > 0 ? 'asks' : 'does not ask'} for live delivery of ${JSON.stringify(fields)}`, () => {
      assert.deepEqual(fieldsForVisitor(fields, names()), [...fields, ...added])
      assert.deepEqual(fieldsForVisitor(fields, names(publicly)), [...fields, ...added])
    })
  }

  it('keeps everything else in order and case, without the fields of the connection', () => {
    const fields: Field[] = [
      ['X-B', 'http://localhost:3000/'],
      ['set-cookie', 'a=1'],
      ['Connection', 'close, X-Gone'],
      ['X-Gone', '1'],
      ['Set-Cookie', 'b=2'],
      ['CONTENT-LENGTH', '2'],
    ]
    assert.deepEqual(fieldsForVisitor(fields, names()), [fields[0], fields[1], fields[4], fields[5]])
  })
})
