import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ServiceName } from '../../../src/servers/profile'
import { serviceNames } from '../../../src/servers/profile'
import type { Echo } from '../../support/apps'
import { Scope } from '../../support/scope'
import { serviceGuestBase, visitService, type ServiceGuestBase } from '../../support/serviceGuest'
import type { ServiceFaults } from '../../support/tunnelService'
import { waitUntil } from '../../support/waitUntil'

/** What each service is asked, all of it and in this order, and what comes of it. */
const table: Record<ServiceName, { asked: string[]; url: RegExp; remarks: RegExp[] }> = {
  sish: {
    asked: ['login me by publickey', 'shell', 'tcpip-forward my-app-3000:80'],
    url: /^https:\/\/my-app-3000\.my\.sish\.test$/,
    remarks: [],
  },
  'tuns.sh': {
    asked: ['login me by publickey', 'shell', 'tcpip-forward my-app-3000:80'],
    url: /^https:\/\/me-my-app-3000\.tuns\.sh$/,
    remarks: [/name became me-my-app-3000/],
  },
  'localhost.run': {
    asked: ['login nokey by none', 'tcpip-forward localhost:80', 'exec --output json'],
    url: /^https:\/\/[0-9a-f]{12}\.lhr\.life$/,
    remarks: [/localhost\.run chooses the name/, /change after a few hours/],
  },
  serveo: {
    asked: ['login me by publickey', 'tcpip-forward my-app-3000:80', 'shell'],
    url: /^https:\/\/my-app-3000\.serveousercontent\.com$/,
    remarks: [/warning page/],
  },
  pinggy: {
    asked: ['login http by none', 'tcpip-forward localhost:0', 'shell'],
    url: /^https:\/\/[0-9a-f]{12}-203-0-113-7\.run\.pinggy-free\.link$/,
    remarks: [/pinggy\.io chooses the name/, /60 minutes/],
  },
  ngrok: {
    asked: ['login v2 by publickey', 'tcpip-forward localhost:443', 'exec http'],
    url: /^https:\/\/[0-9a-f]{12}\.ngrok-free\.app$/,
    remarks: [/ngrok chooses the name/, /warning page/],
  },
}

describe('a tunnel at a service', () => {
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

  for (const name of serviceNames) {
    it(`${name}: a visitor reaches the app, WebSocket too, and nothing else was asked of it`, async () => {
      const { service, listen } = await visitService(scope, name, base)
      const { asked, url, remarks } = table[name]
      const listening = await listen()
      assert.match(listening.publicUrl, url)
      assert.equal(listening.remarks.length, remarks.length, listening.remarks.join('\n'))
      for (const [index, remark] of remarks.entries()) assert.match(listening.remarks[index] ?? '', remark)

      const { status, body } = await service.visit(`${listening.publicUrl}/hello?x=1`)
      assert.equal(status, 200)
      const echo = JSON.parse(body) as Echo
      assert.equal(echo.url, '/hello?x=1')
      assert.equal(`https://${String(echo.headers['host'])}`, listening.publicUrl)

      const socket = await service.openWebSocket(`${listening.publicUrl}/ws`)
      const message = once(socket, 'message')
      socket.send('ping')
      assert.equal(String((await message)[0]), 'ping')
      socket.terminate()

      assert.deepEqual(
        service.asked.filter((what) => !what.startsWith('direct-tcpip localhost:4300')),
        asked,
      )
      await listening.cancel()
    })

    it(`${name}: a cancel takes the request back, and the connection goes with its tunnel`, async () => {
      const { service, listen, use } = await visitService(scope, name, base)
      const listening = await listen()
      await listening.cancel()
      assert.match(service.asked.at(-1) ?? '', /^cancel-tcpip-forward /)
      assert.equal(service.tunnels.size, 0)
      assert.equal((await service.visit(listening.publicUrl)).status, 404)
      use.dispose()
      // Connections to a user's own server stay for a moment, for the next tunnel.
      await waitUntil('the connection to be gone', () => service.guests.size === 0, 1500)
    })

    it(`${name}: what it prints is logged, without control characters and secrets`, async () => {
      const { log, listen } = await visitService(scope, name, base)
      const { publicUrl } = await listen()
      const printed = log.lines.filter((line) => line.startsWith('debug 127.0.0.1: '))
      assert.ok(printed.some((line) => line.includes(new URL(publicUrl).hostname)))
      for (const line of printed) assert.doesNotMatch(line, /\p{Cc}/u)
      assert.doesNotMatch(log.text, /CONSOLE-TOKEN/)
    })
  }

  const formats: [string, ServiceFaults][] = [
    ['events', { format: 'event' }],
    ['cloud events', { format: 'cloud event' }],
    ['text', { format: 'text' }],
    ['events as standard error', { onStderr: true }],
  ]
  for (const [what, faults] of formats) {
    it(`localhost.run is understood when it prints ${what}`, async () => {
      const { service, listen } = await visitService(scope, 'localhost.run', { ...base, faults })
      const { publicUrl } = await listen()
      assert.equal((await service.visit(publicUrl)).status, 200)
    })
  }

  for (const name of ['sish', 'serveo', 'pinggy', 'ngrok'] as const) {
    it(`${name} is understood when it prints as standard error`, async () => {
      const { service, listen } = await visitService(scope, name, { ...base, faults: { onStderr: true } })
      const { publicUrl } = await listen()
      assert.equal((await service.visit(publicUrl)).status, 200)
    })
  }

  it('pinggy: the URL is asked for where it prints none', async () => {
    const { service, listen } = await visitService(scope, 'pinggy', { ...base, faults: { noSession: true } })
    const { publicUrl } = await listen()
    assert.match(publicUrl, table.pinggy.url)
    assert.ok(service.asked.includes('direct-tcpip localhost:4300'))
    assert.equal((await service.visit(publicUrl)).status, 200)
  })

  it('pinggy: the URL is read where it cannot be asked for', async () => {
    const faults = { noUrlList: true }
    const { service, listen } = await visitService(scope, 'pinggy', { ...base, faults })
    assert.equal((await service.visit((await listen()).publicUrl)).status, 200)
  })

  it('pinggy: a password that may be anything is not asked of a person', async () => {
    const faults = { asksPassword: true }
    const { service, listen, prompts } = await visitService(scope, 'pinggy', { ...base, faults })
    await listen()
    assert.equal(service.asked[0], 'login http by password')
    assert.deepEqual(prompts.asked, [])
  })

  it('serveo: somebody without a key gets in without a question', async () => {
    const { publicKey } = base.key
    const key = { path: join(scope.tempDir('none'), 'no-key'), publicKey }
    const { service, listen, prompts } = await visitService(scope, 'serveo', { ...base, key })
    await listen()
    assert.equal(service.asked[0], 'login me by keyboard-interactive')
    assert.deepEqual(
      prompts.asked.filter((question) => (question as { prompts?: unknown[] }).prompts?.length !== 0),
      [],
    )
  })

  it('an unknown host key is asked about, as of any server', async () => {
    const answers = {
      unknownHostKey: () => Promise.resolve(true),
      keyboardInteractive: () => Promise.resolve([]),
    }
    const options = { ...base, isHostKeyKnown: false, answers }
    const { listen, prompts } = await visitService(scope, 'localhost.run', options)
    await listen()
    assert.deepEqual(
      prompts.asked.map((question) => (question as { kind: string }).kind),
      ['unknownHostKey'],
    )
  })

  const domains: [ServiceName, string, string, string][] = [
    ['localhost.run', 'plan', 'my-app.lhr.rocks', 'tcpip-forward my-app.lhr.rocks:80'],
    ['ngrok', 'v2', 'my-app.ngrok.app', 'tcpip-forward my-app.ngrok.app:443'],
  ]
  for (const [name, user, domain, asked] of domains) {
    it(`${name}: a domain of one's own is asked for, and given without a remark on the name`, async () => {
      const { service, listen } = await visitService(scope, name, { ...base, user, domain })
      const { publicUrl, remarks } = await listen()
      assert.equal(publicUrl, `https://${domain}`)
      assert.ok(service.asked.includes(asked), service.asked.join())
      assert.deepEqual(remarks, [])
      assert.equal((await service.visit(publicUrl)).status, 200)
    })
  }

  it('sish: a second tunnel on the same connection asks for no second session, which would end the server', async () => {
    const { service, listen } = await visitService(scope, 'sish', base)
    await (await listen()).cancel()
    const { publicUrl } = await listen({ name: 'other' })
    assert.equal(publicUrl, 'https://other.my.sish.test')
    assert.equal((await service.visit(publicUrl)).status, 200)
    assert.equal(service.isCrashed, false)
    assert.equal(service.asked.filter((what) => what === 'shell').length, 1)
  })
})
