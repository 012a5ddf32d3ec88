import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { recordOf } from '../../../src/http/exchange'
import { deterministicBytes } from '../../support/apps'
import type { Scope } from '../../support/scope'

export type Pairs = [string, string][]

/** One request and what the app is to answer, both made from a number. */
export interface Plan {
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
    /** The fields of a 103 before it, for those who ask for one. */
    readonly hints: Pairs
  }
}

/** What came to an end: of a request at the app, of an answer at the visitor. */
export interface Seen {
  readonly first: string
  readonly fields: Pairs
  readonly sha256: string
  readonly trailers: Pairs
}

const mebibyte = 1024 * 1024
/** The sizes of the two bodies, for numbers with larger ones than the others. */
const largeBodies = new Map([
  [100, [mebibyte, mebibyte + 1]],
  [200, [8 * mebibyte, 3]],
  [300, [5, 8 * mebibyte]],
  [400, [64 * mebibyte, 64 * mebibyte]],
  [1500, [3 * mebibyte, 3 * mebibyte]],
])

/** The same numbers give the same plans. */
export function plan(seed: number): Plan {
  const known = recent.get(seed)
  if (known !== undefined) return known
  if (recent.size > 50) recent.clear()
  const made = makePlan(seed)
  recent.set(seed, made)
  return made
}

const recent = new Map<number, Plan>()

function makePlan(seed: number): Plan {
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
  const large = largeBodies.get(seed)
  const bytes = (size = pick([0, 1, 2, 17, 1000, 4096, next(20_000)])) => noise(next(mebibyte), size)
  const method = pick(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND', 'QUERY'])
  const mayBody = large !== undefined || ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'].includes(method)
  const body = mayBody ? bytes(large?.[0]) : Buffer.alloc(0)
  const isChunked = mayBody && next(2) === 0
  const status =
    large === undefined ? pick([200, 200, 200, 201, 204, 206, 302, 304, 400, 404, 418, 500, 503]) : 200
  const isEmpty = status === 204 || status === 304 || (method === 'HEAD' && large === undefined)
  const answerChunked = next(2) === 0 && !isEmpty
  return {
    method: large === undefined ? method : 'POST',
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
      body: isEmpty ? Buffer.alloc(0) : bytes(large?.[1]),
      isChunked: answerChunked,
      trailers: answerChunked && next(2) === 0 ? [['X-Res-Sum', String(next(99))]] : [],
      hints:
        next(4) === 0
          ? [
              ['Link', `</${next(99)}.css>; rel=preload`],
              ['x-hint', String(next(99))],
            ]
          : [],
    },
  }
}

/** Bytes that look random, from somewhere in a row of a mebibyte that repeats. */
function noise(at: number, length: number): Buffer {
  const source = row
  if (at + length <= source.length) return source.subarray(at, at + length)
  return Buffer.alloc(length, Buffer.concat([source.subarray(at), source.subarray(0, at)]))
}

let row: Buffer = Buffer.alloc(0)
export async function makeNoise(): Promise<void> {
  row = await readAll(deterministicBytes(mebibyte))
}

const key = 'a secret of the sender and the app'
export const signatureOf = (body: Buffer): string => createHmac('sha256', key).update(body).digest('hex')
export const hashOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex')
export const pairs = (raw: readonly string[]): Pairs =>
  Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at]!, raw[2 * at + 1]!])

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

/** The fields by which a visitor asks for the plan of a number. */
export function askingFor(seed: number, { hints }: { hints: boolean }): Pairs {
  const { body } = plan(seed)
  const asked: Pairs = [
    ['X-Seed', String(seed)],
    ['X-Signature', signatureOf(body)],
  ]
  return hints ? [...asked, ['X-Hints', 'yes']] : asked
}

/** Answers by the plan of the number in X-Seed, and keeps what came; 403 where the signature does not verify. */
export async function startPlannedApp(scope: Scope): Promise<{ port: number; seen: Map<number, Seen> }> {
  const seen = new Map<number, Seen>()
  const sockets = new Set<Socket>()
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void readAll(request).then((body) => {
      seen.set(Number(request.headers['x-seed']), {
        first: `${request.method ?? ''} ${request.url ?? ''}`,
        fields: pairs(request.rawHeaders),
        sha256: hashOf(body),
        trailers: pairs(request.rawTrailers),
      })
      answer(request, response, signatureOf(body))
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

function answer(request: IncomingMessage, response: ServerResponse, rightSignature: string): void {
  const { 'x-seed': seed, 'x-signature': signature, 'x-hints': hints } = request.headers
  const { answer: planned } = plan(Number(seed))
  if (hints !== undefined && planned.hints.length > 0) response.writeEarlyHints(recordOf(planned.hints))
  const length: Pairs = planned.isChunked
    ? [['Transfer-Encoding', 'chunked']]
    : planned.status === 204 || planned.status === 304
      ? []
      : [['CONTENT-Length', String(planned.body.length)]]
  const status = signature === rightSignature ? planned.status : 403
  response.writeHead(status, planned.reason, [...planned.fields, ...length].flat())
  if (planned.trailers.length > 0) response.addTrailers(planned.trailers)
  response.end(planned.body)
}
