import assert from 'node:assert/strict'
import { badGatewayPage } from '../../../src/http/badGatewayPage'
import type { Field, HttpRequest } from '../../../src/http/exchange'
import {
  fieldsForApp,
  joinCookies,
  readTarget,
  trailersFrom,
  whatIsWrong,
  withoutConnectionFields,
} from '../../../src/http/fields'

describe('fieldsForApp', () => {
  const request: Pick<HttpRequest, 'method' | 'fields' | 'host' | 'length' | 'upgrade'> = {
    method: 'GET',
    fields: [['Host', 'dev.example.com']],
    host: 'dev.example.com',
    length: 'no body',
    upgrade: undefined,
  }
  const edge = { address: '203.0.113.7', scheme: 'https', appHost: 'localhost:3000' } as const
  const told = (
    changes: Partial<typeof request>,
    edgeChanges: Partial<Parameters<typeof fieldsForApp>[1]> = {},
  ) => Object.fromEntries(fieldsForApp({ ...request, ...changes }, { ...edge, ...edgeChanges }))

  it('tells who called, and what', () => {
    assert.deepEqual(told({}), {
      Host: 'dev.example.com',
      'X-Forwarded-For': '203.0.113.7',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'dev.example.com',
      'X-Forwarded-Port': '443',
    })
  })
  it('does not tell who called where the way cannot carry it', () => {
    const fields: Field[] = [...request.fields, ['X-Forwarded-For', '6.6.6.6']]
    assert.equal(told({ fields }, { address: '' })['X-Forwarded-For'], undefined)
  })
  for (const [host, scheme, port] of [
    ['dev.example.com:8443', 'https', '8443'],
    ['dev.example.com', 'http', '80'],
    ['[2001:db8::1]', 'https', '443'],
    ['[2001:db8::1]:8443', 'https', '8443'],
  ] as const) {
    it(`reads the port of ${scheme}://${host}`, () => {
      assert.equal(told({ host, fields: [['Host', host]] }, { scheme })['X-Forwarded-Port'], port)
    })
  }
  it('gives the app its own name where the visitor named none', () => {
    const fields = told({ host: undefined, fields: [] })
    assert.deepEqual([fields['Host'], fields['X-Forwarded-Host']], ['localhost:3000', undefined])
  })
  for (const [method, length, expected] of [
    ['GET', 'no body', {}],
    ['POST', 'no body', { 'Content-Length': '0' }],
    ['POST', 'seen at its end', { 'Transfer-Encoding': 'chunked' }],
    ['DELETE', 'seen at its end', { 'Transfer-Encoding': 'chunked' }],
    ['POST', 'in a field', {}],
  ] as const) {
    it(`says how long the body of a ${method} is: ${length}`, () => {
      const { 'Content-Length': known, 'Transfer-Encoding': coding } = told({ method, length })
      assert.deepEqual(
        JSON.parse(JSON.stringify({ 'Content-Length': known, 'Transfer-Encoding': coding })),
        expected,
      )
    })
  }
  it('passes an upgrade on as its own', () => {
    const fields: Field[] = [
      ['host', 'x'],
      ['connection', 'keep-alive, Upgrade'],
      ['upgrade', 'websocket'],
      ['sec-websocket-key', 'k'],
    ]
    const { Connection, Upgrade, 'sec-websocket-key': key } = told({ fields, upgrade: 'websocket' })
    assert.deepEqual([Connection, Upgrade, key], ['Upgrade', 'websocket', 'k'])
    assert.equal(told({ fields })['Upgrade'], undefined)
  })
})

describe('fields', () => {
  it('leaves out those of the connection, and those it names, but not what makes the request', () => {
    const fields: Field[] = [
      ['CONNECTION', 'x-a, Host , content-length'],
      ['connection', 'X-B'],
      ...['X-A', 'x-b', 'Keep-Alive', 'TE', 'Transfer-Encoding', 'Upgrade', 'Proxy-Connection'].map(
        (name): Field => [name, 'gone'],
      ),
      ...['Host', 'Content-Length', 'Trailer', 'Authorization'].map((name): Field => [name, 'kept']),
    ]
    assert.deepEqual(
      withoutConnectionFields(fields).map(([name]) => name),
      ['Host', 'Content-Length', 'Trailer', 'Authorization'],
    )
  })
  it('lets no trailer change the message', () => {
    const raw = [
      'X-Sum',
      '9',
      'Content-Length',
      '5',
      'Transfer-Encoding',
      'chunked',
      'HOST',
      'x',
      'Connection',
      'X',
    ]
    assert.deepEqual(trailersFrom(raw), [['X-Sum', '9']])
  })
  it('joins cookies where the first stood', () => {
    assert.deepEqual(
      joinCookies([
        ['a', '1'],
        ['cookie', 'x=1'],
        ['b', '2'],
        ['cookie', 'y=2'],
      ]),
      [
        ['a', '1'],
        ['cookie', 'x=1; y=2'],
        ['b', '2'],
      ],
    )
  })
  for (const [url, expected] of [
    ['/a?b#c', { target: '/a?b#c', host: undefined }],
    ['//evil.example/x', { target: '//evil.example/x', host: undefined }],
    ['*', { target: '*', host: undefined }],
    ['http://x.example:8080', { target: '/', host: 'x.example:8080' }],
    ['HTTPS://x.example?q', { target: '/?q', host: 'x.example' }],
    ['http://[::1]:80/a', { target: '/a', host: '[::1]:80' }],
    ['http://user@x.example/', undefined],
    ['http:///a', undefined],
    ['ftp://x/', undefined],
    ['a', undefined],
    ['', undefined],
  ] as const) {
    it(`reads the target ${url}`, () => assert.deepEqual(readTarget(url), expected))
  }
  for (const [host, isFine] of [
    ['dev.example.com', true],
    ['dev.example.com:8443', true],
    ['[2001:db8::1]:1', true],
    ['under_score.example', true],
    ['', true],
    ['a b', false],
    ['a,b', true],
    ['a/b', false],
    ['a@b', false],
    ['a:b', false],
    ['a:1:2', false],
    ['[::1', false],
  ] as const) {
    it(`${isFine ? 'takes' : 'refuses'} the Host ${JSON.stringify(host)}`, () => {
      assert.equal(whatIsWrong([['Host', host]], '1.1'), isFine ? undefined : 400)
    })
  }
})

describe('badGatewayPage', () => {
  for (const [accept, isJson] of [
    ['text/html,application/xhtml+xml,*/*;q=0.8', false],
    ['', false],
    ['*/*', false],
    ['application/json', true],
    ['application/problem+json, text/html', true],
  ] as const) {
    it(`gives ${isJson ? 'JSON' : 'a page'} to ${accept === '' ? 'who says nothing' : accept}`, () => {
      const { contentType, body } = badGatewayPage('no answer', accept)
      assert.equal(contentType, isJson ? 'application/json' : 'text/html; charset=utf-8')
      assert.match(body, /The app does not answer/)
      if (isJson) assert.equal((JSON.parse(body) as { reason: string }).reason, 'no answer')
    })
  }
})
