import assert from 'node:assert/strict'
import { isCancelled } from '../../../src/base/failure'
import type { KeptRegistration } from '../../../src/webhooks/keptRegistrations'
import type { Answers, Provider } from '../../../src/webhooks/provider'
import { providers } from '../../../src/webhooks/providers'
import type { Registrations } from '../../../src/webhooks/registrations'
import type { CollectedLog } from '../../support/collectedLog'
import { freePort } from '../../support/freePort'
import { startGraphServer, type GraphServer } from '../../support/graphServer'
import { Scope } from '../../support/scope'
import type { BotManners } from '../../support/webhookBot'
import {
  type MapMemory,
  productionName,
  refused,
  registrationsOf,
  startWebhookWorld,
  type WebhookWorld,
} from './webhookWorld'

const appSecret = 'app-secret-mark-1f0c'
const verifyToken = 'verify-token-mark'
const pageToken = 'EAAB-page-token-mark'
const signal = new AbortController().signal
const target = { host: 'localhost', port: 3000, serverId: 'my-vps', path: '/webhook' }

describe('registering at Meta', function () {
  this.timeout(30_000)
  let scope: Scope
  let world: WebhookWorld
  let graph: GraphServer
  let registrations: Registrations
  let memory: MapMemory
  let log: CollectedLog
  let answers: Answers
  let production: string

  before(async () => {
    scope = new Scope()
    world = await startWebhookWorld(scope, { verifyToken, appSecret })
    production = `${world.nginx.url(productionName)}/webhook`
  })
  after(() => scope.close())

  let ofTest: Scope
  beforeEach(async () => {
    ofTest = new Scope()
    world.bot.manners = {}
    world.bot.events.length = 0
    graph = await startGraphServer(ofTest, { ca: world.ca, appSecret, pageToken })
    answers = { verifyToken, appId: graph.appId, appSecret, pageToken }
    ;({ registrations, memory, log } = registrationsOf({ graphUrl: graph.url }))
  })
  afterEach(() => ofTest.close())

  const register = (
    how: {
      provider?: Provider
      answers?: Answers
      callbackUrl?: string
      events?: readonly string[]
      mayOverwrite?: () => Promise<boolean>
    } = {},
  ) =>
    registrations.register(
      {
        provider: how.provider ?? providers.messenger,
        answers: how.answers ?? answers,
        callbackUrl: how.callbackUrl ?? world.callbackUrl,
        events: how.events ?? ['messages', 'messaging_postbacks'],
        target,
      },
      { mayOverwrite: how.mayOverwrite ?? (() => assert.fail('nobody is asked')) },
      signal,
    )

  const restore = (kept: KeptRegistration, more: Answers = {}, mayOverwrite = () => Promise.resolve(false)) =>
    registrations.restore(kept, {
      ...{ provider: providers.messenger, answers: { ...answers, ...more }, signal, mayOverwrite },
    })

  const stand = (callbackUrl: string, fields: string[]) =>
    graph.subscriptions.set('page', { callback_url: callbackUrl, fields, active: true })

  it('verifies the callback, subscribes app and page, and events arrive signed', async () => {
    const remarks = await register()
    assert.deepEqual(remarks, ['Page My Page sends messages, messaging_postbacks.'])
    assert.equal(graph.subscriptions.get('page')?.callback_url, world.callbackUrl)
    assert.deepEqual(graph.pageFields, ['messages', 'messaging_postbacks'])
    assert.equal(await graph.deliver('messages', { object: 'page', entry: [{ text: 'é/' }] }), 200)
    assert.deepEqual(world.bot.events, ['{"object":"page","entry":[{"text":"\\u00e9\\/"}]}'])
    const [kept] = registrations.all
    assert.equal(kept?.former, undefined)
    assert.deepEqual(await registrations.drift(kept!, { provider: providers.messenger, answers, signal }), {
      kind: 'none',
    })
  })

  it('puts nothing back where nothing stood: app and page are as before', async () => {
    await register()
    await restore(registrations.all[0]!)
    assert.equal(graph.subscriptions.size, 0)
    assert.equal(graph.pageFields, undefined)
    assert.deepEqual(registrations.all, [])
  })

  it('overwrites another callback only with consent, keeps its fields, and puts it back', async () => {
    stand(production, ['messages', 'message_reads'])
    graph.pageFields = ['message_reads']
    const declined = register({ mayOverwrite: () => Promise.resolve(false) })
    await assert.rejects(declined, isCancelled)
    assert.equal(graph.subscriptions.get('page')?.callback_url, production, 'nothing has changed')
    assert.deepEqual(registrations.all, [])

    let shown = ''
    await registrations.register(
      {
        provider: providers.messenger,
        answers,
        callbackUrl: world.callbackUrl,
        events: ['messages'],
        target,
      },
      {
        mayOverwrite: (former) => {
          shown = former.callbackUrl
          return Promise.resolve(true)
        },
      },
      signal,
    )
    assert.equal(shown, production)
    assert.deepEqual(graph.subscriptions.get('page')?.fields, ['messages', 'message_reads'])
    assert.deepEqual(graph.pageFields, ['message_reads', 'messages'])

    await restore(registrations.all[0]!)
    const { callback_url, fields } = graph.subscriptions.get('page')!
    assert.deepEqual([callback_url, fields], [production, ['messages', 'message_reads']])
    assert.deepEqual(graph.pageFields, ['message_reads'])
    assert.deepEqual(registrations.all, [])
  })

  it('a copy survives a crash: whoever comes after puts the former back', async () => {
    stand(production, ['messages'])
    await register({ mayOverwrite: () => Promise.resolve(true) })
    // Another life of the program, with what the disk has.
    const [kept] = registrationsWith(memory).all
    assert.equal(kept?.former?.callbackUrl, production)
    await registrationsWith(memory).restore(kept, {
      ...{ provider: providers.messenger, answers, signal },
      mayOverwrite: () => Promise.resolve(false),
    })
    assert.equal(graph.subscriptions.get('page')?.callback_url, production)
  })

  const registrationsWith = (kept: MapMemory) => {
    const again = registrationsOf({ graphUrl: graph.url })
    for (const key of kept.keys()) void again.memory.update(key, kept.get(key))
    return again.registrations
  }

  it('registered again at another URL, the first former is what is put back', async () => {
    stand(production, ['messages'])
    await register({ mayOverwrite: () => Promise.resolve(true) })
    await register({ callbackUrl: `${world.callbackUrl}?again=1` })
    assert.equal(registrations.all[0]?.former?.callbackUrl, production)
    await restore(registrations.all[0])
    assert.equal(graph.subscriptions.get('page')?.callback_url, production)
  })

  it('says when somebody else has changed it, and does not overwrite theirs unasked', async () => {
    await register()
    stand(production, ['messages'])
    const [kept] = registrations.all
    assert.deepEqual(await registrations.drift(kept!, { provider: providers.messenger, answers, signal }), {
      kind: 'other',
      callbackUrl: production,
    })
    await assert.rejects(restore(kept!), isCancelled)
    assert.equal(graph.subscriptions.get('page')?.callback_url, production)
    assert.equal(registrations.all.length, 1, 'the copy stays')
  })

  it('says when Meta has given up sending', async () => {
    await register()
    graph.subscriptions.get('page')!.active = false
    const facts = { provider: providers.messenger, answers, signal }
    assert.deepEqual(await registrations.drift(registrations.all[0]!, facts), { kind: 'inactive' })
  })

  it('without a page token only the app is subscribed, and that is said', async () => {
    const remarks = await register({ answers: { verifyToken, appId: graph.appId, appSecret } })
    assert.deepEqual(remarks, ['Nothing arrives before a Page is subscribed to the app.'])
    assert.equal(await graph.deliver('messages', {}), 'not subscribed')
  })

  it('Instagram and WhatsApp stand beside it as other objects', async () => {
    await register({ provider: providers.instagram })
    await register({ provider: providers.whatsapp, events: ['messages'] })
    assert.deepEqual([...graph.subscriptions.keys()], ['instagram', 'whatsapp_business_account'])
    assert.equal(registrations.all.length, 2)
  })

  it('a production bot with another verify token is put back by that one', async () => {
    stand(production, ['messages'])
    await register({ mayOverwrite: () => Promise.resolve(true) })
    const failure = await refused(restore(registrations.all[0]!, { formerVerifyToken: 'wrong' }))
    assert.equal(failure.kind, 'webhook-verify-token-refused')
    assert.deepEqual(failure.askAgain, ['formerVerifyToken'])
    await restore(registrations.all[0]!, { formerVerifyToken: verifyToken })
    assert.equal(graph.subscriptions.get('page')?.callback_url, production)
  })

  it('a read is tried again, a change never', async () => {
    graph.instead.push('hang up', { status: 500, body: { error: { message: 'An unknown error', code: 1 } } })
    await register()
    assert.equal(graph.subscriptions.size, 1)
    graph.requests.length = 0
    const trouble = { error: { message: 'An unexpected error has occurred.', code: 2 } }
    graph.instead.push({ method: 'POST', status: 500, body: trouble })
    assert.equal((await refused(register())).kind, 'graph-trouble')
    assert.equal(graph.requests.filter(({ method }) => method === 'POST').length, 1)
  })

  describe('every error of the table, with its cure', () => {
    const verification: readonly [string, BotManners, kind: string, said: RegExp, advice: RegExp][] = [
      [
        '404',
        { path: '/hook' },
        'webhook-path-not-found',
        /^\(2200\).*Code = 404; HTTP Message = Not Found/,
        /path/,
      ],
      ['403', { status: 403 }, 'webhook-verify-token-refused', /Code = 403/, /same in the app and here/],
      ['503', { status: 503 }, 'webhook-nothing-answers', /Code = 503/, /Start the app/],
      ['500', { status: 500 }, 'webhook-status', /Code = 500/, /answer 200/],
      [
        'redirects',
        { redirect: '/webhook' },
        'webhook-redirects',
        /curl_errno = 47.*\(2\) redirects/,
        /leads to in the end/,
      ],
      ['too slow', { isMute: true }, 'webhook-too-slow', /curl_errno = 28/, /do the work afterwards/],
      [
        'quoted',
        { challenge: (text) => `"${text}"` },
        'webhook-challenge-wrong',
        /^\(2201\).*expected value="\d+", received=""\d+""/,
        /without quotes/,
      ],
      ['empty', { challenge: () => '' }, 'webhook-challenge-wrong', /received=""/, /whole body/],
      [
        'a page',
        { challenge: () => '<html></html>' },
        'webhook-challenge-wrong',
        /received="<html>/,
        /with a page/,
      ],
    ]
    for (const [name, manners, kind, said, advice] of verification) {
      it(`the verification: ${name}`, async () => {
        const impatient = await startGraphServer(ofTest, {
          ca: world.ca,
          appSecret,
          pageToken,
          patienceMs: manners.isMute ? 300 : 10_000,
        })
        ;({ registrations, memory, log } = registrationsOf({ graphUrl: impatient.url }))
        world.bot.manners = manners
        const failure = await refused(register())
        assert.equal(failure.kind, kind)
        assert.match(failure.said ?? '', said)
        assert.match(failure.advice, advice)
        assert.equal(failure.hop, 'webhook provider')
        assert.deepEqual(registrations.all, [], 'nothing is to be put back')
      })
    }

    it('502: nothing behind nginx', async () => {
      const lone = new Scope()
      ofTest.add(() => lone.close())
      const other = await startWebhookWorld(lone, { verifyToken, appSecret })
      other.bot.close()
      graph = await startGraphServer(ofTest, { ca: other.ca, appSecret, pageToken })
      ;({ registrations } = registrationsOf({ graphUrl: graph.url }))
      const failure = await refused(register({ callbackUrl: other.callbackUrl }))
      assert.equal(failure.kind, 'webhook-nothing-answers')
      assert.match(failure.said ?? '', /Code = 502/)
    })

    it('a certificate for another name', async () => {
      const callbackUrl = world.callbackUrl.replace('bot.dev', 'stranger')
      const failure = await refused(register({ callbackUrl }))
      assert.equal(failure.kind, 'webhook-certificate-name')
      assert.match(failure.said ?? '', /curl_errno = 51/)
    })

    it('a certificate that is not trusted', async () => {
      graph = await startGraphServer(ofTest, { appSecret, pageToken })
      ;({ registrations } = registrationsOf({ graphUrl: graph.url }))
      const failure = await refused(register())
      assert.equal(failure.kind, 'webhook-certificate-untrusted')
      assert.match(failure.said ?? '', /curl_errno = 60/)
      assert.match(failure.advice, /Let’s Encrypt/)
    })

    it('a name that Meta does not find, and an address where nobody listens', async () => {
      const unknown = await refused(register({ callbackUrl: 'https://nobody.invalid/webhook' }))
      assert.equal(unknown.kind, 'webhook-name-not-found')
      const closed = await refused(
        register({ callbackUrl: `https://bot.dev.localhost:${await freePort()}/` }),
      )
      assert.equal(closed.kind, 'webhook-unreachable')
    })

    const access: readonly [
      string,
      (graph: GraphServer) => unknown,
      kind: string,
      said: RegExp,
      askAgain: string[],
    ][] = [
      [
        'an expired page token',
        (each) => (each.isTokenExpired = true),
        'graph-token-expired',
        /^\(190\/463\)/,
        ['pageToken'],
      ],
      [
        'a missing permission',
        (each) => (each.permissions = []),
        'graph-permission-missing',
        /^\(200\).*pages_manage_metadata/,
        ['pageToken'],
      ],
      [
        'too many requests',
        (each) =>
          each.instead.push({
            status: 400,
            body: { error: { message: 'Application request limit reached', code: 4 } },
          }),
        'graph-rate-limited',
        /^\(4\)/,
        [],
      ],
      [
        'something that is not the Graph API',
        (each) => each.instead.push({ status: 404, body: '<html>Not here</html>' }),
        'graph-not-there',
        /Not here/,
        [],
      ],
    ]
    for (const [name, arrange, kind, said, askAgain] of access) {
      it(name, async () => {
        arrange(graph)
        const failure = await refused(register())
        assert.equal(failure.kind, kind)
        assert.match(failure.said ?? '', said)
        assert.deepEqual(failure.askAgain, askAgain)
      })
    }

    it('a page without fields, a wrong app id, a wrong secret, a wrong page token', async () => {
      const ask = async (changes: Parameters<typeof register>[0]) => (await refused(register(changes))).kind
      stand(world.callbackUrl, ['messages'])
      assert.equal(await ask({ events: [] }), 'webhook-no-fields')
      assert.equal(await ask({ answers: { ...answers, appId: '999999' } }), 'graph-no-such-object')
      assert.equal(await ask({ answers: { ...answers, appSecret: 'wrong-secret' } }), 'graph-token-refused')
      assert.equal(await ask({ answers: { ...answers, pageToken: 'wrong-token' } }), 'graph-token-refused')
    })

    it('no answer at all', async () => {
      ;({ registrations } = registrationsOf({ graphUrl: `http://127.0.0.1:${await freePort()}` }))
      assert.equal((await refused(register())).kind, 'provider-unreachable')
    })

    it('an address to which tokens would go in the clear gets nothing', async () => {
      ;({ registrations } = registrationsOf({ graphUrl: 'http://graph.example.com' }))
      await assert.rejects(register(), { kind: 'provider-url-not-https' })
    })
  })

  it('marked secrets are nowhere but in the requests to Meta, and in no URL', async () => {
    stand(production, ['messages'])
    await register({ mayOverwrite: () => Promise.resolve(true) })
    await restore(registrations.all[0]!)
    const texts: string[] = []
    for (const wrong of [{ appSecret: 'wrong-secret-mark' }, { pageToken: 'wrong-token-mark' }]) {
      const failure = await refused(
        register({ answers: { ...answers, ...wrong }, mayOverwrite: () => Promise.resolve(true) }),
      )
      assert.match(failure.said ?? '', /Malformed access token •••/)
      texts.push(
        JSON.stringify(failure),
        failure.stack ?? '',
        failure.said ?? '',
        failure.message,
        failure.advice,
      )
    }
    const everywhere = [log.text, memory.text, ...texts, ...graph.requests.map(({ url }) => url)].join('\n')
    assert.doesNotMatch(everywhere, /mark/)
    assert.ok(graph.requests.some(({ body }) => body.includes('app-secret-mark')))
  })
})
