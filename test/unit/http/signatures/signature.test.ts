import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { Field } from '../../../../src/http/field'
import { resign, signatureFieldsOf, verifySignature } from '../../../../src/http/signatures/signature'
import { body } from '../captured'

// From the providers' own documentation.
const github = {
  secret: "It's a Secret to Everybody",
  body: 'Hello, World!',
  fields: [
    ['X-GitHub-Event', 'push'],
    ['X-Hub-Signature-256', 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'],
  ] satisfies Field[],
}
const slackTime = 1_531_420_618
const slack = {
  secret: '8f742231b10e8888abcd99yyyzzz85a5',
  body: 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
  fields: [
    ['X-Slack-Request-Timestamp', String(slackTime)],
    ['X-Slack-Signature', 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'],
  ] satisfies Field[],
}
const hexOf = (hash: string, secret: string, text: string) =>
  createHmac(hash, secret).update(text).digest('hex')
const now = slackTime * 1000
const stripe = (time: number, ...signatures: string[]): Field[] => [
  ['stripe-signature', [`t=${time}`, ...signatures.map((one) => `v1=${one}`), 'v0=ab'].join(',')],
]
const ofStripe = hexOf('sha256', 'whsec_x', `${slackTime}.{}`)
const hub = (hash: string, text: string): Field => [
  hash === 'sha1' ? 'x-hub-signature' : 'x-hub-signature-256',
  `${hash}=${hexOf(hash, 'app secret', text)}`,
]

describe('verifySignature', () => {
  for (const [name, fields, text, secret, at, expected] of [
    ['GitHub’s own example', github.fields, github.body, github.secret, now, 'right'],
    ['another body', github.fields, 'Hello, World', github.secret, now, 'wrong'],
    ['another secret', github.fields, github.body, 'guessed', now, 'wrong'],
    ['Slack’s own example', slack.fields, slack.body, slack.secret, now, 'right'],
    ['Slack, within five minutes', slack.fields, slack.body, slack.secret, now + 299_000, 'right'],
    ['Slack, later', slack.fields, slack.body, slack.secret, now + 301_000, 'stale'],
    ['Slack, from the future', slack.fields, slack.body, slack.secret, now - 301_000, 'stale'],
    ['Slack without its time', slack.fields.slice(1), slack.body, slack.secret, now, 'wrong'],
    ['Stripe', stripe(slackTime, ofStripe), '{}', 'whsec_x', now, 'right'],
    ['Stripe, with two secrets', stripe(slackTime, 'ab', ofStripe), '{}', 'whsec_x', now, 'right'],
    ['Stripe, later', stripe(slackTime, ofStripe), '{}', 'whsec_x', now + 301_000, 'stale'],
    ['Stripe, another time', stripe(slackTime + 1, ofStripe), '{}', 'whsec_x', now, 'wrong'],
    ['Stripe without v1', stripe(slackTime), '{}', 'whsec_x', now, 'wrong'],
    ['Meta, old and new', [hub('sha1', '{}'), hub('sha256', '{}')], '{}', 'app secret', now, 'right'],
    ['Meta, old wrong', [hub('sha1', '{ }'), hub('sha256', '{}')], '{}', 'app secret', now, 'wrong'],
    ['the wrong hash', [['X-Hub-Signature-256', 'sha1=00']], '{}', 'x', now, 'wrong'],
    ['not hexadecimal', [['X-Hub-Signature-256', 'sha256=é']], '{}', 'x', now, 'wrong'],
    ['two of one', [...github.fields, ...github.fields], github.body, github.secret, now, 'wrong'],
    ['none', [['X-Other', 'sha256=00']], '{}', 'x', now, undefined],
  ] satisfies [string, Field[], string, string, number, string | undefined][]) {
    it(`${name}: ${expected ?? 'no verdict'}`, () => {
      assert.equal(verifySignature({ fields, body: body(text) }, { secret, now: at }), expected)
    })
  }
  it('does not judge by a body that was cut', () => {
    const { fields, secret } = github
    assert.equal(verifySignature({ fields, body: body('Hello', 13) }, { secret, now }), 'body was cut')
  })
})

describe('resign', () => {
  it('computes each signature anew, where and as it stood', () => {
    const fields: Field[] = [
      ['A', '1'],
      ['x-hub-SIGNATURE-256', 'sha256=0'],
      ['Stripe-Signature', 't=1,v1=0'],
      ['X-Hub-Signature', 'sha1=0'],
      ['X-Slack-Signature', 'v0=0'],
      ['x-slack-request-timestamp', '1'],
      ['B', '2'],
    ]
    const edited = Buffer.from('{"edited":"é"}')
    const signed = resign({ fields, body: edited }, { secret: 's', now: now + 999 })
    assert.deepEqual(
      signed.map(([name]) => name),
      fields.map(([name]) => name),
    )
    assert.equal(verifySignature({ fields: signed, body: body(edited) }, { secret: 's', now }), 'right')
    assert.deepEqual(signed.at(-2), ['x-slack-request-timestamp', String(slackTime)])
    assert.deepEqual(signatureFieldsOf(signed), [
      ...['X-Hub-Signature-256', 'X-Hub-Signature', 'Stripe-Signature', 'X-Slack-Signature'],
    ])
  })
  it('leaves a request that is not signed as it is', () => {
    const fields: Field[] = [['A', '1']]
    assert.deepEqual(resign({ fields, body: Buffer.alloc(0) }, { secret: 's', now }), fields)
  })
})
