import { readFileSync } from 'node:fs'
import { createServer, request, type RequestOptions } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import type { Pebble } from './pebble'
import type { Scope } from './scope'
import type { TestCa } from './testCa'

/** What the front says itself; undefined lets the server behind answer, 'nothing' leaves the request waiting. */
export type FrontAnswer = FrontReply | 'nothing' | undefined

export interface FrontReply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body: string
}

export interface AcmeFront {
  readonly directoryUrl: string
  /** Paths of the requests that came, with their methods: `POST /order-plz`. */
  readonly requests: readonly string[]
  /** Decides about each request; undefined unless set. */
  answer: (request: string) => FrontAnswer
  /** Where the rest goes; may be another server later. */
  pebble: Pebble
}

/** An HTTPS server before an ACME server, which it can speak for: what it says is what RFC 8555 lets it say. */
export async function startAcmeFront(scope: Scope, ca: TestCa, pebble: Pebble): Promise<AcmeFront> {
  const { keyPem, certPem } = await ca.issue({ names: ['localhost'] })
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ key: keyPem, cert: certPem }, (incoming, outgoing) => {
    const asked = `${incoming.method ?? ''} ${incoming.url ?? ''}`
    requests.push(asked)
    const reply = front.answer(asked)
    if (reply === undefined) pass(incoming, outgoing, front.pebble)
    else if (reply !== 'nothing') outgoing.writeHead(reply.status, reply.headers).end(reply.body)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  scope.add(async () => {
    for (const socket of sockets) socket.destroy()
    await once(server.close(), 'close')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const front: AcmeFront = {
    directoryUrl: `https://localhost:${port}/dir`,
    requests,
    answer: () => undefined,
    pebble,
  }
  return front
}

/** A problem document as RFC 8555 6.7 has it. */
export function problem(status: number, type: string, detail: string, headers = {}): FrontReply {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }),
  }
}

/** With the front's own host name, from which the server makes its URLs. */
function pass(incoming: IncomingMessage, outgoing: ServerResponse, pebble: Pebble): void {
  const options: RequestOptions = {
    host: 'localhost',
    port: pebble.port,
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    headers: incoming.headers,
    ca: readFileSync(pebble.caFile),
    agent: false,
  }
  const further = request(options, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
  })
  further.on('error', () => outgoing.destroy())
  incoming.pipe(further)
}
