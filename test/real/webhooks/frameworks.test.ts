import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../src/base/clock'
import type { CapturedExchange } from '../../../src/http/capturedExchange'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import type { Tunnels } from '../../../src/tunnels/tunnels'
import type { ApiSettings } from '../../../src/webhooks/apiSettings'
import { labelExchange } from '../../../src/webhooks/labels'
import { findPath } from '../../../src/webhooks/preflight/findPath'
import { judgePreflight } from '../../../src/webhooks/preflight/judge'
import { gatherPreflight } from '../../../src/webhooks/preflight/preflight'
import type { Answers, ProviderId } from '../../../src/webhooks/provider'
import { providers } from '../../../src/webhooks/providers'
import { sampleRequest } from '../../../src/webhooks/sampleRequest'
import { startBotOfNpm, startFrameworkBot } from '../../support/bots/bots'
import { freePort } from '../../support/freePort'
import { startGithubServer } from '../../support/githubServer'
import { startGraphServer, type GraphServer } from '../../support/graphServer'
import { Scope } from '../../support/scope'
import { startTelegramServer } from '../../support/telegramServer'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { registrationsOf } from './webhookWorld'

const signal = new AbortController().signal

describe('bots, most of them written with the frameworks people use, through sshd and nginx', function () {
  // They are installed at the first time.
  this.timeout(240_000)
  let scope: Scope
  let world: World
  let tunnels: Tunnels

  beforeEach(async () => {
    scope = new Scope()
    world = await startWorld(scope)
    tunnels = world.tunnels()
  })
  afterEach(() => scope.close())

  /** Exposed, found, examined and registered: all without a word about the path. */
  async function setUp(
    providerId: ProviderId,
    how: { port: number; answers: Answers; apis: Partial<ApiSettings>; paths: string[]; events: string[] },
  ): Promise<{ tunnel: Tunnel; callbackUrl: string }> {
    const provider = providers[providerId]
    const { answers, apis, paths, events, port } = how
    const app = { host: 'localhost', port, protocol: 'http' } as const
    const tunnel = await tunnels.open({ app, server: world.oneUrl(), name: 'bot', signal })
    const publicUrl = tunnel.publicUrl ?? assert.fail()
    const subject = { provider, answers, app, clock: systemClock, signal, isProviderPublic: false }
    const found = await findPath({ ...subject, publicUrl }, paths)
    assert.equal(found?.isSure, true)
    const callbackUrl = new URL(found.path, publicUrl).toString()
    const evidence = await gatherPreflight({ ...subject, callbackUrl, ca: world.ca.certPem })
    const rules = { ...provider.rules }
    // nginx has a port of its own here, which Telegram would not call.
    delete (rules as { ports?: unknown }).ports
    const findings = judgePreflight(evidence, rules)
    assert.deepEqual(
      findings.filter(({ verdict }) => verdict === 'fail' || verdict === 'not reached'),
      [],
    )
    const { registrations } = registrationsOf(apis)
    const target = { host: app.host, port, serverId: 'one', path: found.path }
    const wish = { provider, answers, callbackUrl, events, target }
    await registrations.register(wish, { mayOverwrite: () => assert.fail() }, signal)
    return { tunnel, callbackUrl }
  }

  const lastEvent = (): CapturedExchange => {
    const posts = tunnels.exchanges.all.filter(
      ({ request, state }) => request.method === 'POST' && state === 'complete',
    )
    return [...posts].sort((one, other) => other.id - one.id)[0] ?? assert.fail('no event came')
  }

  async function replay(tunnel: Tunnel, { request, id }: CapturedExchange): Promise<CapturedExchange> {
    const again = await tunnel.replay({
      ...request,
      source: { kind: 'replay', of: id, isEdited: false },
      body: request.body.bytes,
    })
    return tunnels.exchanges.get(again) ?? assert.fail()
  }

  /** Each is started with what it asks its environment for, and stands at a path that the code names. */
  const messengerBots = {
    Bottender: (graph: GraphServer) =>
      startFrameworkBot(scope, 'bottender', {
        ...{ APP_ID: graph.appId, APP_SECRET: graph.appSecret, VERIFY_TOKEN: 'my-verify-token' },
        ...{ PAGE_ID: graph.pageId, PAGE_ACCESS_TOKEN: graph.pageToken, GRAPH_URL: graph.url },
      }),
    'the bot of README.md, with Express,': startReadmeBot,
    'the sample bot of `npm start`': (graph: GraphServer) =>
      startSampleBot({
        ...{ APP_SECRET: graph.appSecret, VERIFY_TOKEN: 'my-verify-token' },
        ...{ PAGE_TOKEN: graph.pageToken, GRAPH_API: graph.url },
      }),
  }

  /** Port and Graph API are those of this test. */
  async function startReadmeBot(graph: GraphServer): Promise<number> {
    const readme = readFileSync(join(__dirname, '../../../README.md'), 'utf8')
    const [, code = assert.fail()] = /```js\n(\/\/ bot\.mjs:.*?)```/s.exec(readme) ?? []
    const program = code.replace('https://graph.facebook.com', graph.url)
    return startBotOfNpm(scope, {
      files: { 'bot.mjs': program.replace('listen(3000', 'listen(process.env.PORT') },
      env: {
        ...{ APP_SECRET: graph.appSecret, VERIFY_TOKEN: 'my-verify-token' },
        PAGE_TOKEN: graph.pageToken,
      },
    })
  }

  async function startSampleBot(env: Readonly<Record<string, string>>): Promise<number> {
    const port = await freePort()
    await scope.spawn(process.execPath, [join(__dirname, '../../support/sampleBot.mjs')], {
      env: { PATH: process.env['PATH'] ?? '', PORT: String(port), ...env },
      ready: /Sample bot: http/,
    })
    return port
  }

  for (const [name, start] of Object.entries(messengerBots)) {
    it(`Messenger: ${name} receives, answers, is sent it again, and the signature holds`, async () => {
      const graph = await startGraphServer(scope, { ca: world.ca })
      const answers = {
        ...{ appId: graph.appId, appSecret: graph.appSecret, pageToken: graph.pageToken },
        verifyToken: 'my-verify-token',
      }
      const port = await start(graph)
      const { tunnel, callbackUrl } = await setUp('messenger', {
        ...{ port, answers, apis: { graphUrl: graph.url }, events: ['messages'] },
        paths: ['/webhook', '/webhooks/messenger', '/'],
      })
      const provider = providers.messenger
      const sample = provider.samples.find(({ id }) => id === 'non-ascii') ?? assert.fail()
      const { body } = sampleRequest({ provider, sample }, { answers, callbackUrl, now: Date.now() })
      assert.equal(await graph.deliver('messages', JSON.parse(Buffer.from(body).toString()) as object), 200)
      await waitUntil('the bot to answer', () => graph.sent.length === 1)
      assert.match(JSON.stringify(graph.sent[0]), /You said: Grüße, café, 你好 🎉/)
      const event = lastEvent()
      assert.equal(labelExchange(event, () => answers)?.signature, 'verified')
      assert.equal((await replay(tunnel, event)).response?.status, 200)
      await waitUntil('the bot to answer again', () => graph.sent.length === 2)
    })
  }

  it('Telegram: grammY receives, answers, is sent it again, and the secret token holds', async () => {
    const telegram = await startTelegramServer(scope, { ca: world.ca })
    const answers = { botToken: telegram.botToken, secretToken: 'my-secret-token' }
    const port = await startFrameworkBot(scope, 'grammy', {
      ...{ BOT_TOKEN: telegram.botToken, SECRET_TOKEN: 'my-secret-token', TELEGRAM_URL: telegram.url },
    })
    const { tunnel } = await setUp('telegram', {
      ...{ port, answers, apis: { telegramUrl: telegram.url }, events: ['message'] },
      paths: ['/webhook', '/telegram'],
    })
    const from = { id: 1, is_bot: false, first_name: 'Zoë' }
    const chat = { id: 1, type: 'private', first_name: 'Zoë' }
    const message = { message_id: 1, date: 1, from, chat, text: 'Grüße' }
    assert.equal(await telegram.deliver({ update_id: 1, message }), 200)
    assert.match(JSON.stringify(telegram.sent), /You said: Grüße/)
    const event = lastEvent()
    assert.equal(labelExchange(event, () => answers)?.signature, 'verified')
    assert.equal((await replay(tunnel, event)).response?.status, 200)
    assert.equal(telegram.sent.length, 2)
  })

  it('GitHub: Octokit receives, checks the signature, and is sent it again', async () => {
    const github = await startGithubServer(scope, { ca: world.ca })
    const { repository, accessToken } = github
    const answers = { repository, accessToken, hookSecret: 'my-hook-secret' }
    const port = await startFrameworkBot(scope, 'octokit', { GITHUB_WEBHOOK_SECRET: 'my-hook-secret' })
    const { tunnel } = await setUp('github', {
      ...{ port, answers, apis: { githubUrl: github.url }, events: ['push'] },
      paths: ['/webhook', '/api/github/webhooks'],
    })
    await github.deliver('push', { ref: 'refs/heads/main', note: 'é', sender: { login: 'zoe' } })
    assert.equal(github.deliveries[0]?.status_code, 200)
    const event = lastEvent()
    const label = labelExchange(event, () => answers)
    assert.deepEqual([label?.what, label?.signature], ['push main', 'verified'])
    assert.equal((await replay(tunnel, event)).response?.status, 200)
  })
})
