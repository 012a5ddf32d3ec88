import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request as requestHttp, type IncomingMessage, type InformationEvent } from 'node:http'
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { Agent as TlsAgent, request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { systemClock } from '../../../src/base/clock'
import { silentLog } from '../../../src/base/log'
import { recordOf } from '../../../src/http/exchange'
import { EndTls } from '../../../src/tls/endTls'
import { Scope } from '../../support/scope'
import { StaticCertificate } from '../../support/staticCertificate'
import { startWorld, type World } from '../../support/world'
import { startEdge, startForward } from './edge'
import { exposeApp, publicName } from './exposed'
import { askingFor, hashOf, makeNoise, pairs, plan, readAll, startPlannedApp } from './plans'
import type { Pairs, Seen } from './plans'

const toLoopback: LookupFunction = (_name, { all }, callback) => {
  if (all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

/** How a visitor asks for the plan of a number. */
interface Way {
  readonly agent: Agent | false
  readonly ca?: string
  /** Takes a 103 before the answer. */
  readonly hints: boolean
}

async function ask(url: string, seed: number, way: Way): Promise<Seen & { hints: Pairs[] }> {
  const { method, target, fields, body, isChunked, trailers } = plan(seed)
  const { host, hostname, port } = new URL(url)
  const length: Pairs = isChunked
    ? [['Transfer-Encoding', 'chunked']]
    : body.length > 0
      ? [['content-LENGTH', String(body.length)]]
      : []
  const sent: Pairs = [['hOST', host], ...fields, ...askingFor(seed, way), ...length]
  const begin = url.startsWith('https:') ? requestHttps : requestHttp
  const outgoing = begin({
    ...{ hostname, port, method, path: target, agent: way.agent, lookup: toLoopback, setHost: false },
    headers: sent.flat(),
    ...(way.ca === undefined ? {} : { ca: way.ca }),
  })
  const hints: Pairs[] = []
  outgoing.on('information', ({ rawHeaders }: InformationEvent) => hints.push(pairs(rawHeaders)))
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  if (trailers.length > 0) outgoing.addTrailers(trailers)
  // In two pieces, so that a body is never known in one.
  if (body.length > 1) outgoing.write(body.subarray(0, 1))
  outgoing.end(body.length > 1 ? body.subarray(1) : body)
  const [response] = await answered
  const came = await readAll(response)
  return {
    first: `${response.statusCode ?? 0} ${response.statusMessage ?? ''}`,
    fields: pairs(response.rawHeaders),
    sha256: hashOf(came),
    trailers: pairs(response.rawTrailers),
    hints,
  }
}

const without = (fields: Pairs, ...names: string[]): Pairs =>
  fields.filter(([name]) => !names.includes(name.toLowerCase()))
const ofTheWay = ['connection', 'transfer-encoding', 'content-length']
const ofTheAsking = ['x-seed', 'x-signature', 'x-hints']

/** All numbers up to `end`, eight under way at a time. */
async function forEach(end: number, act: (seed: number) => Promise<void>): Promise<void> {
  let next = 0
  const work = async () => {
    for (let seed = next++; seed < end; seed = next++) await act(seed)
  }
  await Promise.all(Array.from({ length: 8 }, work))
}

const counts = { straight: 7000, h2: 1000, nginx: 1000 }

describe('requests and answers, byte for byte', function () {
  this.timeout(180_000)
  const shared = new Scope()
  let world: World
  let scope: Scope
  before(async () => {
    await makeNoise()
    world = await startWorld(shared)
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  it(`${counts.straight} of them straight into the gate: identical but for Host and the fields of a connection`, async () => {
    const app = await startPlannedApp(scope)
    const forwarded = startForward(scope, app, { hostHeader: 'local', isEdge: false })
    const edge = await startEdge(scope, forwarded.accept)
    const kept = new Agent({ keepAlive: true })
    scope.add(() => kept.destroy())
    await forEach(counts.straight, async (seed) => {
      const { method, target, fields, body, trailers, answer } = plan(seed)
      const agent = seed % 8 === 0 ? false : kept
      const came = await ask(`http://127.0.0.1:${edge.port}`, seed, { agent, hints: true })
      const seen = app.seen.get(seed)
      app.seen.delete(seed)
      assert.equal(seen?.first, `${method} ${target}`, `request ${seed}`)
      const atApp: Pairs = [['hOST', `localhost:${app.port}`], ...fields]
      assert.deepEqual(without(seen.fields, ...ofTheAsking, ...ofTheWay), atApp, `request ${seed}`)
      assert.deepEqual([seen.sha256, seen.trailers], [hashOf(body), trailers], `request ${seed}`)
      assert.equal(came.first, `${answer.status} ${answer.reason}`, `answer ${seed}`)
      assert.deepEqual(without(came.fields, ...ofTheWay), answer.fields, `answer ${seed}`)
      assert.deepEqual([came.sha256, came.trailers], [hashOf(answer.body), answer.trailers], `answer ${seed}`)
      const length = came.fields.find(([name]) => name === 'CONTENT-Length')?.[1]
      const isWithoutLength = answer.isChunked || answer.status === 204 || answer.status === 304
      assert.equal(length, isWithoutLength ? undefined : String(answer.body.length), `answer ${seed}`)
      assert.deepEqual(came.hints, answer.hints.length === 0 ? [] : [answer.hints], `answer ${seed}`)
    })
  })

  it(`${counts.h2} of them by h2 where HTTPS ends here: identical but for case and the order of names`, async () => {
    const app = await startPlannedApp(scope)
    const forwarded = startForward(scope, app, { hostHeader: 'local', isEdge: false })
    const certificate = new StaticCertificate(await world.ca.issue({ names: ['dev.localhost'] }))
    const ended = new EndTls({ certificate, clock: systemClock, log: silentLog }, forwarded.accept)
    scope.add(() => ended.dispose())
    const { port } = await startEdge(scope, ended.accept)
    const options = { host: '127.0.0.1', port, servername: 'dev.localhost', ca: world.ca.certPem }
    const session = connect(`https://dev.localhost:${port}`, {
      createConnection: () => connectTls({ ...options, ALPNProtocols: ['h2'] }),
      maxSessionMemory: 256,
    })
    scope.add(() => session.destroy())
    await forEach(counts.h2, async (seed) => {
      const { method, target, fields, body, trailers, answer } = plan(seed)
      const came = await askH2(session, seed)
      const seen = app.seen.get(seed)
      assert.equal(seen?.first, `${method} ${target}`, `request ${seed}`)
      const atApp: Pairs = [['host', `localhost:${app.port}`], ...fields]
      const fieldsAtApp = without(seen.fields, ...ofTheAsking, ...ofTheWay)
      assert.deepEqual(recordOf(fieldsAtApp), recordOf(atApp), `request ${seed}`)
      assert.equal(seen.sha256, hashOf(body), `request ${seed}`)
      assert.deepEqual(recordOf(seen.trailers), recordOf(trailers), `request ${seed}`)
      assert.equal(came.first, String(answer.status), `answer ${seed}`)
      assert.deepEqual(recordOf(without(came.fields, ...ofTheWay)), recordOf(answer.fields), `answer ${seed}`)
      assert.equal(came.sha256, hashOf(answer.body), `answer ${seed}`)
      assert.deepEqual(recordOf(came.trailers), recordOf(answer.trailers), `answer ${seed}`)
    })
  })

  for (const bare of [false, true]) {
    it(`${counts.nginx} of them through sshd and ${bare ? 'a bare' : 'a complete'} nginx: as without the tunnel, but for the documented`, async () => {
      const app = await startPlannedApp(scope)
      // The same nginx leads to the app by itself, without a tunnel, under another name.
      const direct = { kind: 'port', name: 'direct.example.com', upstreamPort: app.port, bare } as const
      const { url } = await exposeApp(scope, world, { port: app.port, bare, beside: [direct] })
      const agent = new TlsAgent({ keepAlive: true })
      scope.add(() => agent.destroy())
      const way = { agent, ca: world.ca.certPem, hints: false }
      await forEach(counts.nginx, async (seed) => {
        // A bare nginx takes no more than 1 MB.
        if (bare && plan(seed).body.length > 1_000_000) return
        const expected = await ask(url.replace(publicName, direct.name), seed, way)
        const expectedAtApp = app.seen.get(seed)
        app.seen.delete(seed)
        const came = await ask(url, seed, way)
        assert.deepEqual(withoutDate(came), withoutDate(expected), `answer ${seed}`)
        const seen = app.seen.get(seed)
        assert.deepEqual(toCompare(seen), toCompare(expectedAtApp), `request ${seed}`)
        const host = seen?.fields.find(([name]) => name === 'Host')
        assert.deepEqual(host, ['Host', `localhost:${app.port}`], `request ${seed}`)
        assert.notEqual(came.first.slice(0, 3), '403', `the signature of ${seed}`)
      })
    })
  }
})

/** As HTTP/2 has it: small letters, and the names that stand more than once together. */
async function askH2(session: ClientHttp2Session, seed: number): Promise<Seen> {
  const { method, target, fields, body, isChunked, trailers } = plan(seed)
  const length: Pairs = !isChunked && body.length > 0 ? [['content-length', String(body.length)]] : []
  const sent = recordOf([...fields, ...askingFor(seed, { hints: false }), ...length])
  const hasBody = isChunked || body.length > 0
  const stream = session.request(
    { ...sent, ':method': method, ':path': target },
    { endStream: !hasBody, waitForTrailers: trailers.length > 0 },
  )
  stream.on('wantTrailers', () => stream.sendTrailers(recordOf(trailers)))
  let cameAfter: Pairs = []
  stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
    cameAfter = pairs(raw ?? [])
  })
  const answered = once(stream, 'response') as Promise<[IncomingHttpHeaders, number, string[]]>
  if (hasBody) stream.end(body)
  const [headers, , raw] = await answered
  const came = await readAll(stream)
  return {
    first: String(headers[':status']),
    fields: pairs(raw).filter(([name]) => name !== ':status'),
    sha256: hashOf(came),
    trailers: cameAfter,
  }
}

/** nginx writes its own, at another second. */
function withoutDate(seen: Seen): Seen {
  return { ...seen, fields: without(seen.fields, 'date') }
}

/** Without what the gate may change. */
function toCompare(seen: Seen | undefined): Seen | undefined {
  const changed = ['host', 'connection', 'transfer-encoding', 'x-forwarded-proto', 'x-forwarded-host']
  return seen && { ...seen, fields: without(seen.fields, ...changed) }
}
