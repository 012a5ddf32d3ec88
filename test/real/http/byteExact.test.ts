import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as requestHttp, Agent, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as requestHttps } from 'node:https'
import type { AddressInfo, LookupFunction, Socket } from 'node:net'
import { deterministicBytes } from '../../support/apps'
import { Scope } from '../../support/scope'
import { startWorld, type World } from '../../support/world'
import { startEdge, startForward } from './edge'
import { exposeApp, publicName } from './exposed'

type Pairs = [string, string][]

/** One request and what the app is to answer, both made from a number. */
interface Plan {
  readonly method: string
  readonly target: string
  readonly fields: Pairs
  readonly body: Buffer
  readonly isChunked: boolean
  readonly trailers: Pairs
  readonly answer: {
    readonly status: number
    readonly reason: string
    readonly fields: Pairs
    readonly body: Buffer
    readonly isChunked: boolean
    readonly trailers: Pairs
  }
}

/** What came to an end: of a request at the app, of an answer at the visitor. */
interface Seen {
  readonly first: string
  readonly fields: Pairs
  readonly sha256: string
  readonly trailers: Pairs
}

/** Made by the app from its plan; the same numbers give the same plans. */
function plan(seed: number): Plan {
  let state = seed * 7919 + 1
  const next = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below
  const pick = <T>(list: readonly T[]): T => list[next(list.length)]!
  const letters = 'abcXYZ019 ;,=":/\\()<>@?{}[]%&+~!\'\t\xe4\xff'
  const text = (length: number) => Array.from({ length }, () => letters.charAt(next(letters.length))).join('')
  const fields = (prefix: string): Pairs =>
    Array.from({ length: next(12) }, () => [
      pick(['X-', 'x-', 'x-UPPER-', 'X_', '!#$&*.^|~']) + prefix + pick(['a', 'B', 'cC', 'a']),
      text(next(60)).trim(),
    ])
  const bytes = () =>
    Buffer.from(Array.from({ length: pick([0, 1, 2, 17, 1000, 4096, next(20_000)]) }, () => next(256)))
  const method = pick(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND', 'QUERY'])
  const mayBody = ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'].includes(method)
  const body = mayBody ? bytes() : Buffer.alloc(0)
  const isChunked = mayBody && next(2) === 0
  const status = pick([200, 200, 200, 201, 204, 206, 302, 304, 400, 404, 418, 500, 503])
  const isEmpty = status === 204 || status === 304 || method === 'HEAD'
  const answerChunked = next(2) === 0 && !isEmpty
  return {
    method,
    target: `/${pick(['', 'a', 'b/%2e%2E/x', 'a//b', '~', "!$&'()*+,;=:@"])}${pick(['', '?', '?a=b&a=%00', '?//?x'])}`,
    fields: [...fields('Req-'), ['Cookie', `a=${next(9)}; b`], ...fields('q')],
    body,
    isChunked,
    trailers: isChunked && next(2) === 0 ? [['X-Req-Sum', String(next(99))]] : [],
    answer: {
      status,
      reason: pick(['OK', 'Some Thing', 'x']),
      fields: [
        ...fields('Res-'),
        ...Array.from({ length: next(3) }, (_, at): [string, string] => [
          'set-COOKIE',
          `c${at}=${next(9)}; Path=/`,
        ]),
        ['Date', 'Mon, 01 Jan 2024 00:00:00 GMT'],
        ...fields('s'),
      ],
      body: isEmpty ? Buffer.alloc(0) : bytes(),
      isChunked: answerChunked,
      trailers: answerChunked && next(2) === 0 ? [['X-Res-Sum', String(next(99))]] : [],
    },
  }
}

const key = 'a secret of the sender and the app'
const signatureOf = (body: Buffer) => createHmac('sha256', key).update(body).digest('hex')
const hashOf = (body: Buffer) => createHash('sha256').update(body).digest('hex')
const pairs = (raw: readonly string[]): Pairs =>
  Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at]!, raw[2 * at + 1]!])

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Answers by the plan of the number in X-Seed, and keeps what came; 403 where the signature does not verify. */
async function startPlannedApp(scope: Scope): Promise<{ port: number; seen: Map<string, Seen> }> {
  const seen = new Map<string, Seen>()
  const sockets = new Set<Socket>()
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void readAll(request).then((body) => {
      const { 'x-seed': seed, 'x-signature': signature } = request.headers
      const { answer } = plan(Number(seed))
      seen.set(String(seed), {
        first: `${request.method ?? ''} ${request.url ?? ''}`,
        fields: pairs(request.rawHeaders),
        sha256: hashOf(body),
        trailers: pairs(request.rawTrailers),
      })
      const isRight = signature === signatureOf(body)
      const length: Pairs = answer.isChunked
        ? [['Transfer-Encoding', 'chunked']]
        : answer.status === 204 || answer.status === 304
          ? []
          : [['CONTENT-Length', String(answer.body.length)]]
      response.writeHead(isRight ? answer.status : 403, answer.reason, [...answer.fields, ...length].flat())
      if (answer.trailers.length > 0) response.addTrailers(answer.trailers)
      response.end(answer.body)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.add(async () => {
    const closed = once(server.close(), 'close')
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return { port: (server.address() as AddressInfo).port, seen }
}

const toLoopback: LookupFunction = (_name, { all }, callback) => {
  if (all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

async function ask(url: string, seed: number, agent: Agent, ca?: string): Promise<Seen & { body: Buffer }> {
  const { method, target, fields, body, isChunked, trailers } = plan(seed)
  const { host, hostname, port } = new URL(url)
  const length: Pairs = isChunked
    ? [['Transfer-Encoding', 'chunked']]
    : body.length > 0
      ? [['content-LENGTH', String(body.length)]]
      : []
  const sent: Pairs = [
    ['hOST', host],
    ...fields,
    ['X-Seed', String(seed)],
    ['X-Signature', signatureOf(body)],
    ...length,
  ]
  const begin = url.startsWith('https:') ? requestHttps : requestHttp
  const outgoing = begin({
    ...{ hostname, port, method, path: target, agent, lookup: toLoopback, setHost: false },
    headers: sent.flat(),
    ...(ca === undefined ? {} : { ca }),
  })
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
    body: came,
  }
}

const without = (fields: Pairs, ...names: string[]): Pairs =>
  fields.filter(([name]) => !names.includes(name.toLowerCase()))

const count = 1000

describe('requests and answers, byte for byte', function () {
  this.timeout(120_000)
  const scope = new Scope()
  let world: World
  before(async () => {
    world = await startWorld(scope)
  })
  after(() => scope.close())

  it(`${count} of them straight into the gate: identical but for Host and the fields of a connection`, async () => {
    const own = new Scope()
    try {
      const app = await startPlannedApp(own)
      const forwarded = startForward(own, app, { hostHeader: 'local', isEdge: false })
      const edge = await startEdge(own, forwarded.accept)
      const agent = new Agent({ keepAlive: true, maxSockets: 4 })
      own.add(() => agent.destroy())
      for (let seed = 0; seed < count; seed++) {
        const { method, target, fields, body, trailers, answer } = plan(seed)
        const came = await ask(`http://127.0.0.1:${edge.port}`, seed, agent)
        const seen = app.seen.get(String(seed))
        assert.equal(seen?.first, `${method} ${target}`, `request ${seed}`)
        assert.deepEqual(
          without(seen.fields, 'x-seed', 'x-signature', 'connection', 'transfer-encoding', 'content-length'),
          [['hOST', `localhost:${app.port}`], ...fields],
        )
        assert.deepEqual([seen.sha256, seen.trailers], [hashOf(body), trailers])
        assert.equal(came.first, `${answer.status} ${answer.reason}`, `answer ${seed}`)
        assert.deepEqual(
          without(came.fields, 'connection', 'transfer-encoding', 'content-length'),
          answer.fields,
        )
        assert.deepEqual([came.sha256, came.trailers], [hashOf(answer.body), answer.trailers])
        assert.equal(
          came.fields.find(([name]) => name === 'CONTENT-Length')?.[1],
          answer.isChunked || answer.status === 204 || answer.status === 304
            ? undefined
            : String(answer.body.length),
        )
      }
    } finally {
      await own.close()
    }
  })

  for (const bare of [false, true]) {
    it(`${count} of them through sshd and ${bare ? 'a bare' : 'a complete'} nginx: as without the tunnel, but for the documented`, async () => {
      const own = new Scope()
      try {
        const app = await startPlannedApp(own)
        // The same nginx leads to the app by itself, without a tunnel, under another name.
        const direct = { kind: 'port', name: 'direct.example.com', upstreamPort: app.port, bare } as const
        const { url } = await exposeApp(own, world, { port: app.port, bare, beside: [direct] })
        const agent = new TlsAgent({ keepAlive: true, maxSockets: 4 })
        own.add(() => agent.destroy())
        for (let seed = 0; seed < count; seed++) {
          const { certPem } = world.ca
          const expected = await ask(url.replace(publicName, direct.name), seed, agent, certPem)
          const expectedAtApp = app.seen.get(String(seed))
          app.seen.delete(String(seed))
          const came = await ask(url, seed, agent, certPem)
          assert.deepEqual(withoutDate(came), withoutDate(expected), `answer ${seed}`)
          const seen = app.seen.get(String(seed))
          assert.deepEqual(toCompare(seen), toCompare(expectedAtApp), `request ${seed}`)
          assert.deepEqual(
            seen?.fields.find(([name]) => name === 'Host'),
            ['Host', `localhost:${app.port}`],
          )
          assert.notEqual(came.first.slice(0, 3), '403', `the signature of ${seed}`)
        }
      } finally {
        await own.close()
      }
    })
  }

  /** nginx writes its own, at another second. */
  function withoutDate(seen: Seen): Seen {
    return { ...seen, fields: without(seen.fields, 'date') }
  }

  /** Without what the gate may change. */
  function toCompare(seen: Seen | undefined): Seen | undefined {
    return (
      seen && {
        ...seen,
        fields: without(
          seen.fields,
          ...['host', 'connection', 'transfer-encoding'],
          ...['x-forwarded-proto', 'x-forwarded-host'],
        ),
      }
    )
  }

  it('64 MiB each way', async () => {
    const own = new Scope()
    try {
      const chunks: Buffer[] = []
      for await (const chunk of deterministicBytes(64 * 1024 * 1024)) chunks.push(chunk as Buffer)
      const large = Buffer.concat(chunks)
      const server = createServer((request, response) => {
        void readAll(request).then((body) => response.writeHead(200, ['X-Sum', hashOf(body)]).end(body))
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      own.add(async () => {
        const closed = once(server.close(), 'close')
        server.closeAllConnections()
        await closed
      })
      const { url } = await exposeApp(own, world, { port: (server.address() as AddressInfo).port })
      const outgoing = requestHttps(url, {
        ...{ method: 'POST', agent: false, lookup: toLoopback, ca: world.ca.certPem },
      })
      const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
      outgoing.end(large)
      const [response] = await answered
      assert.equal(response.headers['x-sum'], hashOf(large))
      assert.equal(hashOf(await readAll(response)), hashOf(large))
    } finally {
      await own.close()
    }
  })
})
