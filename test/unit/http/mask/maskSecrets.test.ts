import assert from 'node:assert/strict'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Field } from '../../../../src/http/field'
import { maskJson } from '../../../../src/http/mask/maskJson'
import { maskUrl } from '../../../../src/http/mask/maskParameters'
import { maskFields, maskSecrets } from '../../../../src/http/mask/maskSecrets'
import { random } from '../../servers/random'
import { body, captured } from '../captured'

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()
const maskedBody = async (type: string, content: string | Uint8Array) => {
  const fields: Field[] = type === '' ? [] : [['Content-Type', type]]
  const { request } = await maskSecrets(captured({ fields, body: body(content) }))
  return text(request.body.bytes)
}

describe('masked fields', () => {
  for (const [field, expected] of [
    [['Authorization', 'Basic YTpi'], 'Basic •••'],
    [['authorization', 'bearer  abc'], 'bearer •••'],
    [['Authorization', 'abcdef'], '•••'],
    [['Proxy-Authorization', 'Digest username="a", response="b"'], 'Digest •••'],
    [['Cookie', 'sid=abc; theme=dark;empty='], 'sid=•••; theme=•••;empty='],
    [['Cookie', 'nameless'], '•••'],
    [['Set-Cookie', 'sid=a=b; Path=/; HttpOnly'], 'sid=•••; Path=/; HttpOnly'],
    [['Set-Cookie', 'sid=; Max-Age=0'], 'sid=; Max-Age=0'],
    [['X-API-Key', 'k'], '•••'],
    [['X-Auth-Token', 'k'], '•••'],
    [['X-Gitlab-Token', 'k'], '•••'],
    [['X-Telegram-Bot-Api-Secret-Token', 'k'], '•••'],
    [['X-Amz-Security-Token', 'k'], '•••'],
    [
      ['Referer', 'https://u:p@x.example/?a=1&token=t#access_token=z'],
      'https://u:•••@x.example/?a=1&token=•••#access_token=•••',
    ],
    [['Location', '/done?code=1&client_secret=x'], '/done?code=1&client_secret=•••'],
    [['X-Api-Key', ''], ''],
    [['X-Hub-Signature-256', 'sha256=00'], 'sha256=00'],
    [['Stripe-Signature', 't=1,v1=00'], 't=1,v1=00'],
    [['X-Slack-Signature', 'v0=00'], 'v0=00'],
    [['Sec-WebSocket-Key', 'abc=='], 'abc=='],
    [['Idempotency-Key', 'abc'], 'abc'],
    [['WWW-Authenticate', 'Basic realm="x"'], 'Basic realm="x"'],
    [['User-Agent', 'token secret'], 'token secret'],
  ] satisfies [Field, string][]) {
    it(field.join(': '), () => assert.deepEqual(maskFields([field]), [[field[0], expected]]))
  }
})

describe('masked targets', () => {
  for (const [target, expected] of [
    ['/a?x=1&access_token=abc&y', '/a?x=1&access_token=•••&y'],
    [
      '/?hub.mode=subscribe&hub.verify_token=v&hub.challenge=1',
      '/?hub.mode=subscribe&hub.verify_token=•••&hub.challenge=1',
    ],
    ['/?api%5Fkey=1&apiKey=2&API-KEY=3&key=4', '/?api%5Fkey=•••&apiKey=•••&API-KEY=•••&key=•••'],
    ['/?token=&token', '/?token=&token'],
    ['/?next_page_token=abc&signature=x', '/?next_page_token=abc&signature=x'],
    ['/token=abc', '/token=abc'],
    ['*', '*'],
  ] as const) {
    it(target, () => assert.equal(maskUrl(target), expected))
  }
})

describe('masked JSON', () => {
  for (const [json, expected] of [
    ['{ "access_token" : "a\\"b" , "x":1.0e5}', '{ "access_token" : "•••" , "x":1.0e5}'],
    [
      '{"password":1234,"secret":null,"token":true,"client_secret":""}',
      '{"password":"•••","secret":null,"token":true,"client_secret":""}',
    ],
    [
      '{"max_tokens":100,"keys":["a"],"key":"b","tokenize":"c"}',
      '{"max_tokens":100,"keys":["a"],"key":"b","tokenize":"c"}',
    ],
    [
      '{"credentials":{"user":"u","n":[1,{"z":"y"}]},"b":"c"}',
      '{"credentials":{"user":"•••","n":["•••",{"z":"•••"}]},"b":"c"}',
    ],
    ['[{"a":{"apiKey":"x"}},"token",{"b":"token"}]', '[{"a":{"apiKey":"•••"}},"token",{"b":"token"}]'],
    ['{"\\u0074oken":"x"}', '{"\\u0074oken":"•••"}'],
    ['{"id":1,"token":"cut off he', '{"id":1,"token":"•••"'],
    ['{"a":"\\"token\\":\\"x\\""}', '{"a":"\\"token\\":\\"x\\""}'],
  ] as const) {
    it(json, () => assert.equal(maskJson(json), expected))
  }
  it('leaves all else byte for byte, and what was JSON is JSON', () => {
    const next = random(7)
    const value = (depth: number): string =>
      depth === 0 || next.below(3) === 0
        ? next.from([
            '1',
            '-2.50',
            'true',
            'null',
            '"a\\\\"',
            '"{,}:[]"',
            '"é\\u0000"',
            '""',
            '12345678901234567890',
          ])
        : next.below(2) === 0
          ? `[${Array.from({ length: next.below(4) }, () => value(depth - 1)).join(next.from([',', ' ,\n']))}]`
          : `{${Array.from({ length: next.below(4) }, () => `"${next.from(['a', 'b c', 'token', 'x\\"', ''])}"${next.from([':', ' : '])}${value(depth - 1)}`).join(',')}}`
    for (let round = 0; round < 2000; round++) {
      const json = value(5)
      const masked = maskJson(json)
      assert.doesNotThrow(() => JSON.parse(masked), json)
      if (!json.includes('token')) assert.equal(masked, json)
      assert.equal(maskJson(masked), masked)
    }
  })
})

describe('maskSecrets', () => {
  for (const [name, type, content, expected] of [
    [
      'a form',
      'application/x-www-form-urlencoded; charset=utf-8',
      'token=a%20b&text=hi+there&key=1',
      'token=•••&text=hi+there&key=1',
    ],
    ['JSON of a kind', 'application/vnd.api+json', '{"token":"é"}', '{"token":"•••"}'],
    ['JSON that is called text', 'text/plain', ' {"token":"x"}', ' {"token":"•••"}'],
    ['JSON of no type', '', '[{"token":"x"}]', '[{"token":"•••"}]'],
    ['text', 'text/plain', 'token=abc', 'token=abc'],
    [
      'a form in parts',
      'multipart/form-data; boundary="b b"',
      '--b b\r\nContent-Disposition: form-data; name="password"\r\n\r\np\r\nq\r\n--b b\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n--b b--\r\n',
      '--b b\r\nContent-Disposition: form-data; name="password"\r\n\r\n•••\r\n--b b\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n--b b--\r\n',
    ],
  ] as const) {
    it(name, async () => assert.equal(await maskedBody(type, content), expected))
  }

  it('answers the same object where there is no secret', async () => {
    const exchange = captured(
      { target: '/?a=1', body: body('{"a":1}') },
      { body: body(Buffer.from([0, 255])) },
    )
    assert.equal(await maskSecrets(exchange), exchange)
  })

  it('leaves bytes that are no UTF-8 as they are', async () => {
    const bytes = Buffer.from('{"a":"\xff\xfe","token":"x"}', 'latin1')
    const { request } = await maskSecrets(captured({ body: body(bytes) }))
    assert.equal(text(request.body.bytes.subarray(6, 8)), text(bytes.subarray(6, 8)))
    assert.equal(Buffer.from(request.body.bytes).toString('latin1').includes('\xff\xfe'), true)
  })

  it('unpacks a body and packs it again; the lengths follow', async () => {
    const packed = gzipSync('{"token":"abc"}')
    const fields: Field[] = [
      ['Content-Encoding', 'gzip'],
      ['content-length', String(packed.length)],
    ]
    const { request } = await maskSecrets(captured({ fields, body: body(packed) }))
    assert.equal(gunzipSync(request.body.bytes).toString(), '{"token":"•••"}')
    assert.deepEqual(request.fields[1], ['content-length', String(request.body.bytes.length)])
    assert.equal(request.body.size, request.body.bytes.length)
  })

  it('leaves out what is packed in a way nobody can read here', async () => {
    const fields: Field[] = [['Content-Encoding', 'secret-coding']]
    const { request } = await maskSecrets(captured({ fields, body: body('{"token":"abc"}') }))
    assert.deepEqual([request.body.bytes.length, request.body.size], [0, 15])
  })

  it('masks as far as a body that was cut goes, and still says how much is missing', async () => {
    for (const fields of [[], [['Content-Encoding', 'gzip']]] satisfies Field[][]) {
      const content = Buffer.from(`{"token":"abcdefgh","b":"${'x'.repeat(100)}"}`)
      const whole = fields.length === 0 ? content : gzipSync(content)
      const kept = whole.subarray(0, whole.length - 5)
      const { request } = await maskSecrets(captured({ fields, body: body(kept, whole.length) }))
      const { bytes, size } = request.body
      assert.equal(size - bytes.length, 5)
      assert.match(
        text(fields.length === 0 ? bytes : gunzipSync(bytes)),
        /^\{"token":"•••","b":"x+$|^\{"token":"•••"/,
      )
    }
  })

  it('masks messages of a WebSocket, trailers and answers that came before', async () => {
    const cut = Buffer.from('{"token":"abc","é')
    const exchange = captured(
      { trailers: [['X-Api-Key', 'a']] },
      { informed: [{ status: 103, fields: [['Set-Cookie', 'a=b']] }], body: body('{"secret":"s"}') },
      {
        webSocket: {
          messages: [{ from: 'visitor', kind: 'text', at: 0, body: body(cut.subarray(0, -1), 30) }],
          cut: 0,
        },
      },
    )
    const masked = await maskSecrets(exchange)
    assert.deepEqual(masked.request.trailers, [['X-Api-Key', '•••']])
    assert.deepEqual(masked.response?.informed[0]?.fields, [['Set-Cookie', 'a=•••']])
    assert.equal(text(masked.response.body.bytes), '{"secret":"•••"}')
    const [message] = masked.webSocket?.messages ?? []
    assert.match(text(message?.body.bytes), /^\{"token":"•••"/)
  })
})
