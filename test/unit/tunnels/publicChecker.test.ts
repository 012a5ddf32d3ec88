import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { isIPv6, type AddressInfo, type LookupFunction } from 'node:net'
import { Cancelled } from '../../../src/base/failure'
import type { PublicWay } from '../../../src/servers/profile'
import { nonceHeader } from '../../../src/tunnels/nonce'
import { PublicChecker } from '../../../src/tunnels/publicChecker'
import { CollectedLog } from '../../support/collectedLog'
import { Scope } from '../../support/scope'
import { createTestCa, type TestCa } from '../../support/testCa'

describe('PublicChecker', () => {
  let shared: Scope
  let ca: TestCa
  /** Somebody's site: whatever name a visitor comes by, this is what is there. */
  let http: Server
  let https: Server
  let status: number
  let echoes: boolean
  let visits: number
  let log: CollectedLog

  before(async () => {
    shared = new Scope()
    ca = await createTestCa(shared)
    const { keyPem, certPem } = await ca.issue({ names: ['bot.dev.example.com'] })
    ;[http, https] = [createServer(), createTlsServer({ key: keyPem, cert: certPem })]
    for (const server of [http, https]) {
      server.on('request', ({ headers }, response) => {
        visits += 1
        const nonce = headers[nonceHeader]
        response.writeHead(status, echoes && typeof nonce === 'string' ? { [nonceHeader]: nonce } : {}).end()
      })
      shared.add(() => server.close())
      await once(server.listen(0, '127.0.0.1'), 'listening')
    }
  })
  after(() => shared.close())
  beforeEach(() => {
    status = 404
    echoes = false
    visits = 0
    log = new CollectedLog()
  })

  const portOf = (server: Server) => (server.address() as AddressInfo).port

  /** Leads every visitor to this machine, and afterwards says what stands in DNS. */
  function dns(addresses: readonly string[]): LookupFunction & { readonly asked: string[] } {
    const asked: string[] = []
    const lookup: LookupFunction = (name, options, callback) => {
      asked.push(name)
      const found = asked.length === 1 ? ['127.0.0.1'] : addresses
      const [first] = found
      if (first === undefined) callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), '')
      else if (options.all !== true) callback(null, first, isIPv6(first) ? 6 : 4)
      else
        callback(
          null,
          found.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })),
        )
    }
    return Object.assign(lookup, { asked })
  }

  function expectedNonce(arrived = false) {
    const nonce = {
      nonce: '0123456789abcdef',
      isDone: false,
      arrived: () => arrived,
      done: (): void => undefined,
    }
    nonce.done = () => void (nonce.isDone = true)
    return nonce
  }

  interface Setup {
    readonly server?: string | undefined
    readonly lookup?: LookupFunction
    readonly arrived?: boolean
    readonly way?: Partial<PublicWay>
    readonly ca?: string
    readonly signal?: AbortSignal
  }

  async function check({ server, lookup, arrived, way, ca, signal = new AbortController().signal }: Setup) {
    const expected = expectedNonce(arrived)
    const whole: PublicWay = {
      bind: { kind: 'tcp', host: '0.0.0.0', port: portOf(http) },
      publicUrl: `http://bot.dev.example.com:${portOf(http)}`,
      tls: 'none',
      proxyProtocol: false,
      ...way,
    }
    try {
      return await new PublicChecker({ log, ca, lookup }).check(whole, { expected, server, signal })
    } finally {
      assert.ok(expected.isDone, 'nobody looks out for the nonce any more')
    }
  }

  type Row = [server: string, addresses: readonly string[], isElsewhere: boolean]
  const rows: Row[] = [
    ['203.0.113.5', ['203.0.113.9'], true],
    ['203.0.113.5', ['203.0.113.5'], false],
    ['203.0.113.5', ['203.0.113.8', '203.0.113.9'], true],
    ['203.0.113.5', ['203.0.113.9', '203.0.113.5'], false],
    ['203.0.113.5', [], false],
    // Within a network, a name may lead elsewhere than outside, and so may what was dialled.
    ['203.0.113.5', ['10.0.0.9'], false],
    ['203.0.113.5', ['10.0.0.9', '203.0.113.9'], true],
    ['10.0.0.5', ['203.0.113.9'], false],
    ['10.0.0.5', ['10.0.0.9'], true],
    ['10.0.0.5', ['192.168.0.9'], true],
    ['10.0.0.5', ['10.0.0.5'], false],
    ['172.16.0.5', ['172.32.0.5'], false],
    ['172.31.0.5', ['172.16.0.5'], true],
    ['100.64.0.5', ['100.127.0.9'], true],
    ['100.64.0.5', ['100.128.0.9'], false],
    ['169.254.0.5', ['169.254.0.9'], true],
    ['127.0.0.1', ['127.0.0.2'], true],
    ['127.0.0.1', ['127.0.0.1'], false],
    ['127.0.0.1', ['203.0.113.9'], false],
    // As a dual-stack socket names an IPv4 peer.
    ['::ffff:203.0.113.5', ['203.0.113.5'], false],
    ['::ffff:203.0.113.5', ['203.0.113.9'], true],
    ['::ffff:10.0.0.5', ['203.0.113.9'], false],
    ['203.0.113.5', ['::FFFF:203.0.113.5'], false],
    ['2001:db8::5', ['2001:db8::9'], true],
    ['2001:db8::5', ['2001:DB8::5'], false],
    ['2001:db8::5', ['fd00::9'], false],
    ['fd00::5', ['fd00::9'], true],
    ['fd00::5', ['2001:db8::9'], false],
    ['fe80::5', ['fe80::9'], true],
    ['::1', ['fd00::9'], true],
    // A machine has an address of either kind, and its name may have but one.
    ['2001:db8::5', ['203.0.113.9'], false],
    ['203.0.113.5', ['2001:db8::9'], false],
    ['2001:db8::5', ['203.0.113.9', '2001:db8::9'], true],
    ['2001:db8::5', ['203.0.113.9', '2001:db8::5'], false],
  ]
  for (const [server, addresses, isElsewhere] of rows) {
    const what = isElsewhere ? 'names' : 'does not name'
    it(`${what} DNS with ${addresses.join(' and ') || 'nothing'} for a server at ${server}`, async () => {
      const failure = await check({ server, lookup: dns(addresses) })
      assert.equal(failure?.kind, isElsewhere ? 'dns-elsewhere' : 'public-url-elsewhere')
      if (!isElsewhere) return
      assert.ok(failure.message.includes(`points to ${addresses.join(', ')}, not`), failure.message)
      assert.match(log.text, /debug http:.* points to .*, the server is /)
    })
  }

  it('names the server by the address that a record in DNS can hold', async () => {
    const failure = await check({ server: '::ffff:203.0.113.5', lookup: dns(['203.0.113.9']) })
    assert.match(failure?.advice ?? '', /point to 203\.0\.113\.5\./)
  })

  it('asks for addresses of no name where they cannot matter', async () => {
    const lookup = dns(['203.0.113.9'])
    assert.equal((await check({ lookup }))?.kind, 'public-url-elsewhere', 'the server came by a jump host')
    assert.deepEqual(lookup.asked, ['bot.dev.example.com'])
    const again = dns(['203.0.113.9'])
    assert.equal(
      (await check({ server: '203.0.113.5', lookup: again, arrived: true }))?.kind,
      'public-url-elsewhere',
    )
    assert.deepEqual(again.asked, ['bot.dev.example.com'])
  })

  it('compares an address in the URL as it stands', async () => {
    const publicUrl = `http://127.0.0.1:${portOf(http)}`
    const there = await check({ server: '127.0.0.9', way: { publicUrl } })
    assert.equal(there?.kind, 'dns-elsewhere')
    assert.match(there.message, /^127\.0\.0\.1 is not the address of the server.* 127\.0\.0\.9\./)
    const here = await check({ server: '127.0.0.1', way: { publicUrl } })
    assert.equal(here?.kind, 'public-url-elsewhere')
  })

  it('is content with the nonce that went through, whatever DNS says', async () => {
    echoes = true
    const setup = { server: '203.0.113.5', lookup: dns(['203.0.113.9']) }
    assert.equal(await check({ ...setup, arrived: true }), undefined)
    assert.equal(visits, 1)
  })

  it('leaves a proxy alone that answers 502, wherever it stands', async () => {
    status = 502
    const way = { bind: { kind: 'tcp', host: '127.0.0.1', port: 8080 } } as const
    const failure = await check({ server: '203.0.113.5', lookup: dns(['203.0.113.9']), way })
    assert.equal(failure?.kind, 'proxy-cannot-reach-forward')
  })

  it('names DNS before a certificate of somebody else’s', async () => {
    const https_ = { publicUrl: `https://bot.dev.example.com:${portOf(https)}`, tls: 'server' } as const
    const server = '203.0.113.5'
    const other = await check({ server, lookup: dns(['203.0.113.9']), way: https_ })
    assert.equal(other?.kind, 'dns-elsewhere')
    assert.match(other.said ?? '', /certificate/)
    const own = await check({ server, lookup: dns([server]), way: https_ })
    assert.equal(own?.kind, 'certificate-untrusted')
    const trusted = await check({ server, lookup: dns([server]), way: https_, ca: ca.certPem })
    assert.equal(trusted?.kind, 'public-url-elsewhere')
    const wrongName = { ...https_, publicUrl: https_.publicUrl.replace('bot', 'other') }
    const another = await check({ server, lookup: dns([server]), way: wrongName, ca: ca.certPem })
    assert.equal(another?.kind, 'certificate-wrong-name')
  })

  it('names a name without an address, and no other machine for it', async () => {
    const lookup: LookupFunction = (_, __, callback) =>
      callback(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' }), '')
    const failure = await check({ server: '203.0.113.5', lookup })
    assert.equal(failure?.kind, 'public-name-not-found')
  })

  it('says nothing when it is cancelled', async () => {
    const abort = new AbortController()
    const lookup: LookupFunction = () => abort.abort()
    await assert.rejects(check({ server: '203.0.113.5', lookup, signal: abort.signal }), Cancelled)
    abort.abort()
    await assert.rejects(check({ lookup: dns([]), signal: abort.signal }), Cancelled)
    assert.equal(visits, 0)
  })
})
