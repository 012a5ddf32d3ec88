import assert from 'node:assert/strict'
import type { Answers } from '../../../src/webhooks/provider'
import { mayRegister } from '../../../src/webhooks/preflight/judge'
import { providers } from '../../../src/webhooks/providers'
import { startGithubServer, type GithubServer } from '../../support/githubServer'
import { Scope } from '../../support/scope'
import { examine, refused, registrationsOf, startWebhookWorld, type WebhookWorld } from './webhookWorld'

const hookSecret = 'hook-secret-mark'
const signal = new AbortController().signal
const target = { host: 'localhost', port: 3000, serverId: 'my-vps', path: '/webhook' }
const { github: provider } = providers

describe('registering at GitHub', function () {
  this.timeout(30_000)
  let scope: Scope
  let world: WebhookWorld
  let github: GithubServer
  let answers: Answers
  let registered: ReturnType<typeof registrationsOf>

  before(async () => {
    scope = new Scope()
    world = await startWebhookWorld(scope, { appSecret: hookSecret })
  })
  after(() => scope.close())

  let ofTest: Scope
  beforeEach(async () => {
    ofTest = new Scope()
    world.bot.manners = {}
    world.bot.events.length = 0
    github = await startGithubServer(ofTest, { ca: world.ca })
    answers = { repository: github.repository, accessToken: github.accessToken, hookSecret }
    registered = registrationsOf({ githubUrl: github.url })
  })
  afterEach(() => ofTest.close())

  const register = (changes: { answers?: Answers; callbackUrl?: string } = {}) =>
    registered.registrations.register(
      {
        ...{ provider, target, events: ['push'] },
        answers: changes.answers ?? answers,
        callbackUrl: changes.callbackUrl ?? world.callbackUrl,
      },
      { mayOverwrite: () => assert.fail('nothing is overwritten') },
      signal,
    )
  const kept = () => registered.registrations.all[0] ?? assert.fail('nothing is kept')
  const facts = () => ({ provider, answers, signal })
  const restore = () =>
    registered.registrations.restore(kept(), { ...facts(), mayOverwrite: () => Promise.resolve(false) })

  it('stands beside the others: created, pinged, signed events, removed again', async () => {
    assert.ok(mayRegister(await examine(world, provider, answers)))
    world.bot.events.length = 0
    const production = { url: 'https://production.localhost/', content_type: 'json' }
    github.hooks.push({ id: 99, active: true, events: ['push'], config: production })
    await register()
    assert.match(world.bot.events[0] ?? '', /Keep it logically awesome/)
    world.bot.events.length = 0
    await github.deliver('push', { ref: 'refs/heads/main', note: 'é' })
    assert.deepEqual(world.bot.events, ['{"ref":"refs/heads/main","note":"é"}'])
    await restore()
    assert.deepEqual(
      github.hooks.map(({ id }) => id),
      [99],
    )
  })

  it('another URL changes the same webhook, and pings it', async () => {
    await register()
    await register({ callbackUrl: `${world.callbackUrl}?again=1` })
    assert.deepEqual(
      github.hooks.map(({ config }) => config.url),
      [`${world.callbackUrl}?again=1`],
    )
    await restore()
    assert.deepEqual(github.hooks, [])
  })

  it('what was not taken in can be asked for again', async () => {
    await register()
    world.bot.manners = { path: '/nowhere' }
    await github.deliver('push', { lost: true })
    world.bot.manners = {}
    world.bot.events.length = 0
    const { deliveries } = provider.registrar ?? {}
    const api = registered.registrations.api(signal)
    const [last] = (await deliveries?.list(api, answers, kept().ours)) ?? []
    assert.equal(last?.event, 'push')
    assert.match(last.outcome, /^404/)
    await deliveries?.again(api, answers, kept().ours, last.id)
    assert.deepEqual(world.bot.events, ['{"lost":true}'])
  })

  it('says when somebody has removed or disabled it', async () => {
    await register()
    const [hook] = github.hooks
    if (hook !== undefined) hook.active = false
    assert.deepEqual(await registered.registrations.drift(kept(), facts()), { kind: 'inactive' })
    github.hooks.length = 0
    assert.deepEqual(await registered.registrations.drift(kept(), facts()), { kind: 'gone' })
  })

  it('every refusal has its cure', async () => {
    const kindOf = async (work: Promise<unknown>) => (await refused(work)).kind
    const of = (changes: Answers) => register({ answers: { ...answers, ...changes } })
    assert.equal(await kindOf(of({ accessToken: 'wrong-token' })), 'github-token-refused')
    assert.equal(await kindOf(of({ repository: 'octocat/elsewhere' })), 'github-permission-missing')
    const validation = (message: string) => ({
      ...{ method: 'POST', status: 422 },
      body: { message: 'Validation Failed', errors: [{ resource: 'Hook', message }] },
    })
    github.instead.push(validation('Hook already exists on this repository'))
    assert.equal(await kindOf(register()), 'github-hook-exists')
    github.instead.push(
      validation("url is not supported because it isn't reachable over the public Internet"),
    )
    assert.equal(await kindOf(register()), 'github-url-not-public')
    github.instead.push({ status: 403, body: { message: 'API rate limit exceeded for user' } })
    assert.equal(await kindOf(register()), 'github-rate-limited')
    github.instead.push({ status: 400, body: '<html>' })
    assert.equal(await kindOf(register()), 'github-not-there')
    assert.deepEqual(registered.registrations.all, [])
  })

  it('marked secrets are nowhere but in the requests to GitHub, and in no URL', async () => {
    await register()
    await restore()
    github.instead.push({
      method: 'POST',
      status: 422,
      body: { message: `No: ${github.accessToken} ${hookSecret}` },
    })
    const failure = await refused(register())
    assert.match(failure.said ?? '', /No: ••• •••/)
    const urls = github.requests.map(({ url }) => url)
    const everywhere = [registered.log.text, registered.memory.text, failure.stack, ...urls].join('\n')
    assert.doesNotMatch(everywhere, /mark/)
  })
})
