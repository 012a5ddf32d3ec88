import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { CapturedExchange } from '../../../src/http/capturedExchange'
import { valuesOf } from '../../../src/http/exchange'
import { judgeFailing, labelExchange } from '../../../src/webhooks/labels'
import { providerIds, type Answers, type ProviderId } from '../../../src/webhooks/provider'
import { providers } from '../../../src/webhooks/providers'
import { sampleRequest } from '../../../src/webhooks/sampleRequest'

const answers: Answers = {
  appSecret: 'app-secret',
  secretToken: 'secret-token',
  hookSecret: 'hook-secret',
  repository: 'octocat/hello-world',
}
const callbackUrl = 'https://bot.example/webhook?x=1'
const now = 1_790_000_000_000

function exchangeOf(
  providerId: ProviderId,
  sampleId: string,
  changes: Partial<CapturedExchange> = {},
): CapturedExchange {
  const provider = providers[providerId]
  const sample = provider.samples.find(({ id }) => id === sampleId) ?? assert.fail(sampleId)
  const { method, target, host, fields, body, trailers, source } = sampleRequest(
    { provider, sample },
    { answers, callbackUrl, now },
  )
  return {
    ...{ id: 1, tunnelId: 1, source, at: now, visitorAddress: '', protocol: 'HTTP/1.1' as const },
    request: { method, target, host, fields, trailers, body: { bytes: body, size: body.length } },
    ...{
      response: undefined,
      state: 'complete' as const,
      firstByteMs: 12,
      endMs: 13,
      note: undefined,
      webSocket: undefined,
    },
    ...changes,
  }
}

describe('sample events', () => {
  it('of every provider are whole, each with an id of its own, and one that no app acts upon', () => {
    for (const id of providerIds) {
      const { samples, rules } = providers[id]
      assert.equal(new Set(samples.map((sample) => sample.id)).size, samples.length)
      assert.ok(
        samples.some((sample) => sample.id === rules.harmless),
        id,
      )
      for (const sample of samples) {
        const { request } = exchangeOf(id, sample.id)
        assert.equal(request.target, '/webhook?x=1')
        JSON.parse(Buffer.from(request.body.bytes).toString())
      }
    }
  })

  it('of Messenger are all that the platform sends', () =>
    assert.deepEqual(
      providers.messenger.samples.map(({ id }) => id),
      [
        'message',
        'non-ascii',
        'postback',
        'attachment',
        'quick-reply',
        'delivery',
        'read',
        'referral',
        'standby',
        'batch',
      ],
    ))

  it('of Meta escape what is not ASCII in small letters, and the signature is over those bytes', () => {
    const { request } = exchangeOf('messenger', 'non-ascii')
    const text = Buffer.from(request.body.bytes).toString('latin1')
    assert.match(text, /Gr\\u00fc\\u00dfe, caf\\u00e9, \\u4f60\\u597d \\ud83c\\udf89 <\\\/end>/)
    const expected = createHmac('sha256', 'app-secret').update(text, 'latin1').digest('hex')
    assert.deepEqual(valuesOf(request.fields, 'x-hub-signature-256'), [`sha256=${expected}`])
    const old = createHmac('sha1', 'app-secret').update(text, 'latin1').digest('hex')
    assert.deepEqual(valuesOf(request.fields, 'x-hub-signature'), [`sha1=${old}`])
  })

  it('two of the same kind are two events', () => {
    const bytes = () => Buffer.from(exchangeOf('messenger', 'message').request.body.bytes).toString()
    assert.notEqual(bytes(), bytes())
  })
})

describe('labels of webhooks', () => {
  const rows: readonly [ProviderId, sample: string, who: string, what: string | RegExp][] = [
    ['messenger', 'message', '1000000000000001', 'message “Hello from Expose Port”'],
    ['messenger', 'non-ascii', '1000000000000001', 'message “Grüße, café, 你好 🎉 </end>”'],
    ['messenger', 'postback', '1000000000000001', 'postback GET_STARTED'],
    ['messenger', 'attachment', '1000000000000001', 'image'],
    ['messenger', 'quick-reply', '1000000000000001', 'quick reply YES'],
    ['messenger', 'delivery', '1000000000000001', 'delivery'],
    ['messenger', 'read', '1000000000000001', 'read'],
    ['messenger', 'referral', '1000000000000001', 'referral from-expose-port'],
    ['messenger', 'standby', '1000000000000001', 'standby: message “Hello to another app”'],
    ['messenger', 'batch', '1000000000000001', 'message “One” and 2 more'],
    ['instagram', 'message', '1000000000000001', 'message “Grüße from Expose Port”'],
    ['instagram', 'read', '1000000000000001', 'read'],
    ['whatsapp', 'message', '15550000001', 'message “Grüße from Expose Port”'],
    ['whatsapp', 'image', '15550000001', 'image'],
    ['whatsapp', 'read', '15550000001', 'read'],
    ['telegram', 'message', 'zoe', 'message “Grüße from Expose Port 🎉”'],
    ['telegram', 'callback', 'zoe', 'callback query “YES”'],
    ['telegram', 'photo', 'zoe', 'message with a photo'],
    ['telegram', 'poll', '', 'poll'],
    ['github', 'ping', 'zoe', 'ping octocat/hello-world'],
    ['github', 'push', 'zoe', 'push main octocat/hello-world'],
    ['github', 'issue', 'zoe', 'issues opened octocat/hello-world'],
  ]
  for (const [id, sample, who, what] of rows) {
    it(`${id}: ${sample}`, () =>
      assert.deepEqual(
        labelExchange(exchangeOf(id, sample), () => answers),
        {
          ...{ provider: providers[id].title, who, what, signature: 'verified' },
          time: { ms: 12, ...providers[id].patience },
        },
      ))
  }

  it('signatures: of another secret, unknown, missing, and of a body that was cut', () => {
    const whole = exchangeOf('messenger', 'message')
    const of = (exchange: CapturedExchange, known: Answers | undefined) =>
      labelExchange(exchange, () => known)?.signature
    assert.equal(of(whole, { appSecret: 'another' }), 'wrong')
    assert.equal(of(whole, undefined), 'not checked')
    assert.equal(of({ ...whole, request: { ...whole.request, fields: [] } }, answers), 'missing')
    const telegram = exchangeOf('telegram', 'message')
    assert.equal(of(telegram, { secretToken: 'another' }), 'wrong')
    assert.equal(of(telegram, {}), 'not checked')
    assert.equal(of({ ...telegram, request: { ...telegram.request, fields: [] } }, answers), 'missing')
  })

  it('no time without an answer', () => {
    const label = labelExchange(exchangeOf('messenger', 'message', { firstByteMs: undefined }), () => answers)
    assert.equal(label?.time, undefined)
  })

  it('what is no webhook has none', () => {
    const json = exchangeOf('other', 'json')
    assert.equal(
      labelExchange(json, () => answers),
      undefined,
    )
    const verification = exchangeOf('messenger', 'message')
    const get = { ...verification, request: { ...verification.request, method: 'GET' } }
    assert.equal(
      labelExchange(get, () => answers),
      undefined,
    )
  })
})

describe('before Meta unsubscribes an app', () => {
  const minute = 60_000
  type Judged = Parameters<typeof judgeFailing>[0][number]
  const event = (minutesAgo: number, status: number | undefined, changes: Partial<Judged> = {}): Judged => ({
    ...{ source: { kind: 'visitor' }, at: now - minutesAgo * minute, state: 'complete' },
    request: { method: 'POST', target: '/webhook?x=1' },
    response: status === undefined ? undefined : { status },
    ...changes,
  })
  const judge = (events: readonly Judged[]) => judgeFailing(events, { path: '/webhook', now })

  it('nothing failed, or was taken in since', () => {
    assert.deepEqual(judge([]), { kind: 'not failing' })
    assert.deepEqual(judge([event(20, 500), event(1, 200)]), { kind: 'not failing' })
    assert.deepEqual(judge([event(20, 500, { request: { method: 'POST', target: '/other' } })]), {
      kind: 'not failing',
    })
    assert.deepEqual(judge([event(20, 500, { source: { kind: 'replay', of: 1, isEdited: false } })]), {
      kind: 'not failing',
    })
  })

  it('counts from the first failure after the last success', () => {
    assert.deepEqual(
      judge([event(50, 500), event(40, 200), event(20, 502), event(2, undefined, { state: 'visitor left' })]),
      {
        ...{ kind: 'failing', sinceMs: 20 * minute, leftMs: 40 * minute },
      },
    )
    assert.deepEqual(judge([event(90, 500)]), {
      ...{ kind: 'failing', sinceMs: 90 * minute, leftMs: 0 },
    })
    assert.deepEqual(judge([event(3, 500)]), {
      ...{ kind: 'failing', sinceMs: 3 * minute, leftMs: 57 * minute },
    })
  })
})
