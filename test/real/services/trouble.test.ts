import assert from 'node:assert/strict'
import { Cancelled, Failure } from '../../../src/base/failure'
import type { ServiceName } from '../../../src/servers/profile'
import { explainLogin } from '../../../src/servers/services/serviceFailures'
import { Scope } from '../../support/scope'
import {
  hurriedClock as clock,
  serviceGuestBase,
  visitService,
  type ServiceGuest,
  type ServiceGuestBase,
} from '../../support/serviceGuest'
import type { ServiceFaults } from '../../support/tunnelService'
import { waitUntil } from '../../support/waitUntil'

describe('a tunnel service in trouble', () => {
  let shared: Scope
  let scope: Scope
  let base: ServiceGuestBase

  before(async () => {
    shared = new Scope()
    base = await serviceGuestBase(shared)
  })
  after(() => shared.close())
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  async function failing({ listen, service }: ServiceGuest): Promise<Failure> {
    const error: unknown = await listen({ clock }).then(
      ({ publicUrl }) => assert.fail(`it opened ${publicUrl}`),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof Failure, String(error))
    await waitUntil('the request to be taken back', () => service.tunnels.size === 0)
    return error
  }

  describe('names', () => {
    it('sish: another name is said to be another, and why', async () => {
      const { service, listen } = await visitService(scope, 'sish', {
        ...base,
        faults: { nameTaken: 'another' },
      })
      const { publicUrl, remarks } = await listen()
      const [given = ''] = new URL(publicUrl).hostname.split('.')
      assert.deepEqual(remarks, [`the sish server gave the name ${given}, not my-app-3000, which is taken.`])
      assert.equal((await service.visit(publicUrl)).status, 200)
    })

    it('sish: a name that it keeps from us is a failure in its own words', async () => {
      const guest = await visitService(scope, 'sish', { ...base, faults: { nameTaken: 'none' } })
      const failure = await failing(guest)
      assert.equal(failure.kind, 'service-name-taken')
      assert.equal(failure.said, 'The subdomain my-app-3000.my.sish.test is unavailable.')
      assert.match(failure.advice, /another name/)
    })

    it('serveo: an unknown key gets another name, and where to register it is said', async () => {
      const { service, listen } = await visitService(scope, 'serveo', { ...base, isKeyKnown: false })
      const { publicUrl, remarks } = await listen()
      assert.match(
        remarks[0] ?? '',
        /^serveo\.net gave the name .*, not my-app-3000: .*console\.serveo\.net\/ssh\/keys/,
      )
      assert.equal((await service.visit(publicUrl)).status, 200)
    })

    it('serveo: where an unknown key gets no tunnel by name, one without a name is asked for', async () => {
      const options = { ...base, isKeyKnown: false, faults: { refuses: 'yes' } }
      const { service, listen } = await visitService(scope, 'serveo', options)
      const { publicUrl, remarks } = await listen()
      assert.deepEqual(
        service.asked.filter((what) => what.startsWith('tcpip-forward')),
        ['tcpip-forward my-app-3000:80', 'tcpip-forward localhost:80'],
      )
      assert.match(remarks[0] ?? '', /not my-app-3000: /)
      assert.equal((await service.visit(publicUrl)).status, 200)
    })

    it('serveo: a name that is taken is a failure', async () => {
      const failure = await failing(
        await visitService(scope, 'serveo', { ...base, faults: { nameTaken: 'none' } }),
      )
      assert.equal(failure.kind, 'service-name-taken')
    })
  })

  describe('URLs that are not its own', () => {
    const foreign: [ServiceName, string][] = [
      ['sish', 'HTTPS: https://my-app-3000.evil.test\r\nHTTPS: https://my.sish.test.evil.test\r\n'],
      ['tuns.sh', 'HTTPS: https://me-my-app-3000.tuns.sh.evil.test\r\nHTTPS: https://eviltuns.sh\r\n'],
      ['localhost.run', '{"event":"tcpip-forward","authz_code":"OK","address":"lhr.life.evil.test"}\r\n'],
      ['serveo', 'Forwarding HTTP traffic from https://console.serveo.net\r\n'],
      ['pinggy', 'https://a@evil.test\r\nhttps://evil-pinggy.link\r\n'],
      ['ngrok', 'Forwarding  https://x.ngrok-free.app:8443\r\n'],
    ]
    for (const [name, saysFirst] of foreign) {
      it(`${name}: none is taken, and its own still is`, async () => {
        const { service, listen } = await visitService(scope, name, { ...base, faults: { saysFirst } })
        const { publicUrl } = await listen()
        assert.equal((await service.visit(publicUrl)).status, 200)
      })

      it(`${name}: none is taken when it names no other`, async () => {
        const faults = { saysFirst, saysNoUrl: true }
        const failure = await failing(await visitService(scope, name, { ...base, faults }))
        assert.equal(failure.kind, 'service-foreign-url')
        assert.equal(failure.canHeal, false)
      })
    }
  })

  for (const name of ['sish', 'localhost.run', 'serveo', 'pinggy', 'ngrok'] as const) {
    it(`${name}: when it names no URL, that is said after a while, with what it said last`, async () => {
      const faults = { saysNoUrl: true, saysFirst: 'We are \x1b[31mbusy\x1b[0m.\r\n' }
      const failure = await failing(await visitService(scope, name, { ...base, faults }))
      assert.equal(failure.kind, 'service-silent')
      assert.match(failure.said ?? '', /We are busy\./)
    })
  }

  it('a last line without an end is read in the end', async () => {
    const faults: ServiceFaults = { saysNoUrl: true }
    const { service, listen } = await visitService(scope, 'serveo', { ...base, faults })
    const listening = listen({ clock })
    await waitUntil('the session', () => service.channels.size === 1)
    service.say('Forwarding HTTP traffic from https://my-app-3000.serveousercontent.com')
    assert.equal((await listening).publicUrl, 'https://my-app-3000.serveousercontent.com')
  })

  describe('refusals', () => {
    const refusals: [ServiceName, ServiceFaults, string, RegExp][] = [
      [
        'localhost.run',
        { refuses: 'missing _lhr TXT record' },
        'service-refused',
        /^missing _lhr TXT record$/,
      ],
      [
        'localhost.run',
        { refuses: 'no capacity', format: 'cloud event' },
        'service-refused',
        /^no capacity$/,
      ],
      [
        'ngrok',
        { refuses: 'Your account is limited to 1 simultaneous session. ERR_NGROK_108' },
        'service-already-online',
        /ERR_NGROK_108/,
      ],
      [
        'ngrok',
        { refuses: 'requires you to register a Domain. ERR_NGROK_15002' },
        'service-domain-needed',
        /15002/,
      ],
      ['ngrok', { refuses: 'Something new. ERR_NGROK_99999' }, 'service-refused', /ERR_NGROK_99999/],
      ['serveo', { noSession: true }, 'service-no-session', /./],
    ]
    for (const [name, faults, kind, said] of refusals) {
      it(`${name}: ${JSON.stringify(faults)} is ${kind}`, async () => {
        const failure = await failing(await visitService(scope, name, { ...base, faults }))
        assert.equal(failure.kind, kind)
        assert.match(failure.said ?? '', said)
        assert.notEqual(failure.advice, '')
      })
    }

    for (const [name, advice] of [
      ['ngrok', /dashboard\.ngrok\.com\/ssh-keys/],
      ['tuns.sh', /ssh pico\.sh/],
      ['sish', /Whoever runs the server/],
    ] as const) {
      it(`${name}: a key it does not know is explained`, async () => {
        const { connection, profile } = await visitService(scope, name, { ...base, isKeyKnown: false })
        const error: unknown = await connection
          .connect(new AbortController().signal)
          .catch((reason: unknown) => reason)
        const explained = explainLogin(profile, error)
        assert.ok(explained instanceof Failure)
        assert.equal(explained.kind, 'authentication-refused')
        assert.match(explained.advice, advice)
      })
    }
  })

  it('a cancel while it is waited for takes the request back', async () => {
    const { service, listen } = await visitService(scope, 'localhost.run', {
      ...base,
      faults: { saysNoUrl: true },
    })
    const controller = new AbortController()
    const listening = listen({ signal: controller.signal })
    await waitUntil('the request', () => service.tunnels.size === 1)
    controller.abort()
    await assert.rejects(listening, Cancelled)
    await waitUntil('the request to be taken back', () => service.tunnels.size === 0)
  })

  it('localhost.run: another name while the tunnel stands is told, and visitors come by it', async () => {
    const { service, listen } = await visitService(scope, 'localhost.run', base)
    const listening = await listen()
    const urls: string[] = []
    listening.onDidChangeUrl((url) => urls.push(url))
    service.rename()
    await waitUntil('the new URL', () => urls.length === 1)
    assert.notEqual(urls[0], listening.publicUrl)
    assert.equal((await service.visit(urls[0] ?? '')).status, 200)
    // What is not its own is not taken later either.
    service.say('{"event":"tcpip-forward","authz_code":"OK","address":"lhr.life.evil.test"}\r\n')
    service.rename()
    await waitUntil('the next one', () => urls.length === 2)
    assert.match(urls[1] ?? '', /\.lhr\.life$/)
  })

  it('sish: what visitors ask for, which it may print, changes nothing', async () => {
    const { service, listen } = await visitService(scope, 'sish', base)
    const listening = await listen()
    const urls: string[] = []
    listening.onDidChangeUrl((url) => urls.push(url))
    const { hostname } = new URL(listening.publicUrl)
    service.say(
      `2026/01/02 - 03:04:05 | ${hostname} | 200 | 1ms | 203.0.113.7 | GET /HTTPS: https://x.my.sish.test\r\n`,
    )
    service.say('HTTPS: https://x.my.sish.test\r\n')
    assert.equal((await service.visit(listening.publicUrl)).status, 200)
    assert.deepEqual(urls, [])
  })

  it('a session that ends while the connection stands is the end of the tunnel, in its words', async () => {
    const { service, listen, connection } = await visitService(scope, 'serveo', base)
    const listening = await listen({ clock })
    const ends: Failure[] = []
    listening.onDidEnd((failure) => ends.push(failure))
    service.say('Closing for maintenance.\r\n')
    service.endSessions()
    await waitUntil('the end', () => ends.length === 1)
    assert.equal(ends[0]?.kind, 'service-ended')
    assert.match(ends[0].said ?? '', /Closing for maintenance\./)
    assert.equal(connection.state.kind, 'ready')
  })

  it('a connection that the service ends comes back once at once, then slowly, and nothing is run or looked at', async () => {
    const { service, listen, connection, log } = await visitService(scope, 'localhost.run', base)
    const listening = await listen({ clock })
    const ends: Failure[] = []
    listening.onDidEnd((failure) => ends.push(failure))
    const first = await connection.connect(new AbortController().signal)

    service.hangUp()
    await waitUntil('the connection to be back', () => connection.state.kind === 'ready' && !first.isOpen)
    assert.equal(service.logins, 2)
    await (await listen()).cancel()

    const waits: number[] = []
    connection.onDidChange((state) => {
      if (state.kind === 'waiting') waits.push(state.retryAt - Date.now())
    })
    await service.stop()
    // Each wait is between half and all of five seconds and more.
    await waitUntil(
      () => `a wait, after ${waits.join()}`,
      () => waits.some((wait) => wait > 0),
    )
    assert.ok(
      waits.every((wait) => wait <= 0 || wait > 2000),
      waits.join(),
    )
    await service.listen()
    assert.equal(service.logins, 2)
    connection.retryNow()
    await waitUntil('the connection to be back', () => connection.state.kind === 'ready')
    const { publicUrl } = await listen()
    assert.equal((await service.visit(publicUrl)).status, 200)

    assert.deepEqual(
      new Set(service.asked),
      new Set([
        ...['login nokey by none', 'tcpip-forward localhost:80', 'exec --output json'],
        'cancel-tcpip-forward localhost:80',
      ]),
    )
    assert.deepEqual(ends, [], 'it is the connection that was lost')
    assert.doesNotMatch(log.text, /process for this connection/)
  })

  it('a plain forward on such a connection asks for nothing besides', async () => {
    const { service, connection } = await visitService(scope, 'localhost.run', base)
    const transport = await connection.connect(new AbortController().signal)
    const bind = { kind: 'tcp', host: 'localhost', port: 80 } as const
    // The second time around, what the first had set off has been asked for.
    for (const time of [1, 2]) {
      const forward = await connection.forward(transport, bind, ({ stream }) => stream.destroy())
      await forward.cancel()
      assert.equal(service.asked.length, 1 + 2 * time, service.asked.join())
    }
    assert.deepEqual(
      service.asked.filter((what) => !what.endsWith('tcpip-forward localhost:80')),
      ['login nokey by none'],
    )
  })
})
