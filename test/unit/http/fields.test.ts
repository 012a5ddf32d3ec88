import assert from 'node:assert/strict'
import type { Field } from '../../../src/http/exchange'
import {
  joinCookies,
  readTarget,
  trailersFrom,
  whatIsWrong,
  withoutConnectionFields,
} from '../../../src/http/fields'

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
    ['/a?b=c', { target: '/a?b=c', host: undefined }],
    ['/a?b#c', undefined],
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
