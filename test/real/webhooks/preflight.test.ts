import assert from 'node:assert/strict'
import type { Finding } from '../../../src/webhooks/preflight/evidence'
import { mayRegister } from '../../../src/webhooks/preflight/judge'
import { providers } from '../../../src/webhooks/providers'
import { freePort } from '../../support/freePort'
import { Scope } from '../../support/scope'
import type { BotManners } from '../../support/webhookBot'
import { examine, startWebhookWorld, type WebhookWorld } from './webhookWorld'

const answers = { verifyToken: 'verify-token-mark', appId: '123456789012345', appSecret: 'app-secret-mark' }

describe('what Meta would say is known before Meta is called', function () {
  this.timeout(30_000)
  let scope: Scope
  let world: WebhookWorld

  before(async () => {
    scope = new Scope()
    world = await startWebhookWorld(scope, answers)
  })
  after(() => scope.close())
  afterEach(() => (world.bot.manners = {}))

  const failed = (findings: readonly Finding[]) => findings.filter(({ verdict }) => verdict === 'fail')
  const warnings = (findings: readonly Finding[]) => findings.filter(({ verdict }) => verdict === 'warning')

  it('a bot that does all as it should passes every check, on both sides', async () => {
    const findings = await examine(world, providers.messenger, answers)
    assert.deepEqual(
      findings.filter(({ verdict }) => verdict !== 'pass'),
      [],
    )
    assert.ok(mayRegister(findings))
    assert.equal(findings.length, 6 + 8)
    assert.equal(world.bot.events.length, 2, 'the signed event arrived straight, and through the public URL')
    assert.match(world.bot.events[0] ?? '', /"read":\{"watermark"/)
  })

  const wrong: readonly [name: string, manners: BotManners, expected: RegExp, cure: RegExp][] = [
    ['another path', { path: '/hook' }, /#2200.*HTTP Status Code = 404; HTTP Message = Not Found/, /path/],
    [
      'another verify token',
      { status: 403 },
      /#2200.*HTTP Status Code = 403/,
      /verify token must be the same/,
    ],
    ['an error', { status: 500 }, /#2200.*HTTP Status Code = 500/, /its own log/],
    ['quotes', { challenge: (text) => JSON.stringify(text) }, /#2201.*received=""\d+""/, /without quotes/],
    ['an empty body', { challenge: () => '' }, /#2201.*received=""/, /whole body/],
    ['a page', { challenge: (text) => `<html>${text}</html>` }, /#2201.*received="<html>/, /as plain text/],
    ['a redirect', { redirect: '/webhook/' }, /#2200.*curl_errno = 47/, /path that it leads to/],
  ]
  for (const [name, manners, expected, cure] of wrong) {
    it(`${name}: told once, at the app, with its cure`, async () => {
      world.bot.manners = manners
      const findings = await examine(world, providers.messenger, answers)
      const [first] = failed(findings).filter(({ check }) => check === 'verification')
      assert.equal(first?.where, 'app')
      assert.match(first.wouldSay ?? '', expected)
      assert.match(first.advice ?? '', cure)
      assert.ok(failed(findings).every(({ where }) => where === 'app'))
      assert.equal(mayRegister(findings), false)
      if (expected.source.includes('2201')) assert.match(first.snippet ?? '', /hub\.challenge/)
    })
  }

  it('a bot that takes in anything is warned of, with lines for Node', async () => {
    world.bot.manners = { acceptsAnyToken: true, checksNoSignature: true }
    const findings = await examine(world, providers.messenger, answers)
    assert.ok(mayRegister(findings))
    assert.deepEqual(
      warnings(findings).map(({ where, check, snippet }) => [
        where,
        check,
        /createHmac|403/.test(snippet ?? ''),
      ]),
      [
        ['app', 'wrong token', true],
        ['app', 'wrong signature', true],
        ['public URL', 'wrong token', true],
        ['public URL', 'wrong signature', true],
      ],
    )
  })

  it('another app secret than the bot’s is found by the signed event', async () => {
    const findings = await examine(world, providers.messenger, { ...answers, appSecret: 'another-secret' })
    const [first] = failed(findings)
    assert.equal(first?.check, 'event')
    assert.match(first.advice ?? '', /secret is not the one/)
  })

  it('a bot that does not answer in time', async () => {
    world.bot.manners = { isMute: true }
    const findings = await examine(world, providers.messenger, answers, { limitMs: 300 })
    const [first] = failed(findings)
    assert.equal(first?.check, 'time')
    assert.match(first.wouldSay ?? '', /curl_errno = 28/)
    assert.match(first.advice ?? '', /do the work afterwards/)
  })

  it('no bot at all', async () => {
    const findings = await examine(world, providers.messenger, answers, { port: await freePort() })
    const [first] = failed(findings)
    assert.equal(first?.check, 'reached')
    assert.match(first.text, /Nothing answers on port \d+/)
    assert.match(first.advice ?? '', /Start the app/)
  })

  const outside: readonly [string, () => Parameters<typeof examine>[3], RegExp, RegExp][] = [
    [
      'a certificate for another name',
      () => ({ callbackUrl: world.callbackUrl.replace('bot.dev', 'stranger') }),
      /curl_errno = 51/,
      /covers stranger\.localhost/,
    ],
    [
      'a certificate that the public does not trust',
      () => ({ ca: undefined }),
      /curl_errno = 60/,
      /Let’s Encrypt/,
    ],
    [
      'a name that is not in DNS',
      () => ({ callbackUrl: 'https://nobody.invalid/webhook' }),
      /curl_errno = 6;/,
      /A or AAAA record/,
    ],
    [
      'plain http',
      () => ({ callbackUrl: world.callbackUrl.replace('https:', 'http:') }),
      /#100.*https/,
      /HTTPS/,
    ],
    [
      'an address of this machine only',
      () => ({ apiUrl: 'https://graph.facebook.com' }),
      /curl_errno = 7/,
      /internet/,
    ],
  ]
  for (const [name, changes, expected, cure] of outside) {
    it(`${name}: told of the public URL, while the app is all right`, async () => {
      const findings = await examine(world, providers.messenger, answers, changes())
      const [first] = failed(findings)
      assert.equal(first?.where, 'public URL')
      assert.match(first.wouldSay ?? '', expected)
      assert.match(first.advice ?? '', cure)
    })
  }

  it('nothing listens at the public URL', async () => {
    const callbackUrl = `https://bot.dev.localhost:${await freePort()}/webhook`
    const [first] = failed(await examine(world, providers.messenger, answers, { callbackUrl }))
    assert.match(first?.wouldSay ?? '', /curl_errno = 7/)
    assert.equal(first?.check, 'reached')
  })

  it('Telegram calls certain ports only', async () => {
    const [first] = failed(await examine(world, providers.telegram, { botToken: '1:a', secretToken: 's' }))
    assert.ok(first !== undefined)
    const findings = await examine(world, providers.telegram, { botToken: '1:a', secretToken: 's' })
    const port = failed(findings).find(({ check }) => check === 'address')
    assert.match(port?.wouldSay ?? '', /ports 80, 88, 443 or 8443/)
  })

  it('whoever has no rules of its own gets the way examined all the same', async () => {
    world.bot.manners = { checksNoSignature: true }
    const findings = await examine(world, providers.other, {})
    assert.ok(mayRegister(findings))
    assert.deepEqual(
      findings.map(({ where, check }) => `${where}: ${check}`),
      [
        'app: reached',
        'app: time',
        'app: event',
        'public URL: address',
        'public URL: reached',
        'public URL: certificate',
        'public URL: time',
        'public URL: event',
      ],
    )
  })
})
