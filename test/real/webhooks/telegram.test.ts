import assert from 'node:assert/strict'
import type { Answers } from '../../../src/webhooks/provider'
import { mayRegister } from '../../../src/webhooks/preflight/judge'
import { providers } from '../../../src/webhooks/providers'
import { Scope } from '../../support/scope'
import { startTelegramServer, type TelegramServer } from '../../support/telegramServer'
import { examine, refused, registrationsOf, startWebhookWorld, type WebhookWorld } from './webhookWorld'

const secretToken = 'secret-token-mark'
const signal = new AbortController().signal
const target = { host: 'localhost', port: 3000, serverId: 'my-vps', path: '/webhook' }
const { telegram: provider } = providers

describe('registering at Telegram', function () {
  this.timeout(30_000)
  let scope: Scope
  let world: WebhookWorld
  let telegram: TelegramServer
  let answers: Answers
  let registered: ReturnType<typeof registrationsOf>

  before(async () => {
    scope = new Scope()
    world = await startWebhookWorld(scope, { secretToken })
  })
  after(() => scope.close())

  let ofTest: Scope
  beforeEach(async () => {
    ofTest = new Scope()
    world.bot.events.length = 0
    telegram = await startTelegramServer(ofTest, { ca: world.ca })
    answers = { botToken: telegram.botToken, secretToken }
    registered = registrationsOf({ telegramUrl: telegram.url })
  })
  afterEach(() => ofTest.close())

  const register = (changes: { answers?: Answers; callbackUrl?: string; mayOverwrite?: boolean } = {}) =>
    registered.registrations.register(
      {
        ...{ provider, target, events: ['message', 'callback_query'] },
        answers: changes.answers ?? answers,
        callbackUrl: changes.callbackUrl ?? world.callbackUrl,
      },
      { mayOverwrite: () => Promise.resolve(changes.mayOverwrite === true) },
      signal,
    )

  const restore = (more: Answers = {}) =>
    registered.registrations.restore(registered.registrations.all[0] ?? assert.fail('nothing is kept'), {
      ...{ provider, answers: { ...answers, ...more }, signal },
      mayOverwrite: () => Promise.resolve(false),
    })

  it('examines, registers, takes an update with its secret token, and removes the webhook again', async () => {
    const findings = await examine(world, provider, answers)
    // nginx has a port of its own here.
    const [onlyPort, ...others] = findings.filter(({ verdict }) => verdict !== 'pass')
    assert.equal(onlyPort?.check, 'address')
    assert.deepEqual(others, [])
    assert.equal(mayRegister(findings.filter((finding) => finding !== onlyPort)), true)
    world.bot.events.length = 0

    telegram.pending.push({ update_id: 1 })
    assert.deepEqual(await register(), ['1 update is waiting and will come now.'])
    assert.equal(await telegram.deliver({ update_id: 2, message: { text: 'Grüße' } }), 200)
    assert.deepEqual(world.bot.events, ['{"update_id":2,"message":{"text":"Grüße"}}'])
    await restore()
    assert.deepEqual(telegram.webhook, { url: '' })
    assert.deepEqual(registered.registrations.all, [])
  })

  it('puts a former webhook back with its limits and its secret token', async () => {
    const former = {
      url: 'https://production.localhost/hook',
      allowed_updates: ['message'],
      max_connections: 7,
    }
    telegram.webhook = { ...former, secret_token: 'production-secret' }
    await assert.rejects(register(), { name: 'Cancelled' })
    await register({ mayOverwrite: true })
    assert.equal(telegram.webhook.url, world.callbackUrl)
    await restore({ formerSecretToken: 'production-secret' })
    assert.deepEqual(telegram.webhook, { ...former, secret_token: 'production-secret' })
  })

  it('does not pretend to restore a certificate that Telegram does not give back', async () => {
    telegram.webhook = { url: 'https://production.localhost/hook', has_custom_certificate: true }
    await register({ mayOverwrite: true })
    const failure = await refused(restore())
    assert.equal(failure.kind, 'telegram-certificate-needed')
    assert.equal(telegram.webhook.url, world.callbackUrl)
    assert.equal(registered.registrations.all.length, 1)
  })

  it('every refusal has its cure', async () => {
    const kindOf = async (work: Promise<unknown>) => (await refused(work)).kind
    const wrong = { ...answers, botToken: '8100000001:wrong' }
    assert.equal(await kindOf(register({ answers: wrong })), 'telegram-token-refused')
    assert.equal(
      await kindOf(register({ callbackUrl: 'http://bot.localhost/webhook' })),
      'telegram-not-https',
    )
    assert.equal(
      await kindOf(register({ callbackUrl: 'https://nobody.invalid/' })),
      'telegram-name-not-found',
    )
    assert.equal(
      await kindOf(register({ answers: { ...answers, secretToken: 'not allowed!' } })),
      'telegram-secret-token',
    )
    telegram.ports = [443]
    assert.equal(await kindOf(register()), 'telegram-port')
    const tooMany = {
      ok: false,
      error_code: 429,
      description: 'Too Many Requests',
      parameters: { retry_after: 9 },
    }
    telegram.instead.push({ status: 429, body: tooMany })
    const limited = await refused(register())
    assert.equal(limited.kind, 'telegram-rate-limited')
    assert.match(limited.advice, /9 seconds/)
    telegram.instead.push({ status: 404, body: '<html>' })
    assert.equal(await kindOf(register()), 'telegram-not-there')
    assert.deepEqual(registered.registrations.all, [])
  })

  it('marked secrets are nowhere but in the requests to Telegram', async () => {
    await register()
    const error = {
      ok: false,
      error_code: 400,
      description: `Bad Request: ${telegram.botToken} ${secretToken}`,
    }
    telegram.instead.push({ method: 'POST', status: 400, body: error })
    const failure = await refused(register())
    assert.match(failure.said ?? '', /Bad Request: ••• •••/)
    const everywhere = [registered.log.text, registered.memory.text, failure.stack, failure.said].join('\n')
    assert.doesNotMatch(everywhere, /mark/)
  })
})
