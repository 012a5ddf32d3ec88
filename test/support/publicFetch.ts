import { once } from 'node:events'
import { connect as connectH2, constants } from 'node:http2'
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage, type Agent } from 'node:http'
import { request as requestHttps } from 'node:https'
import { lookup as lookupDns } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import WebSocket from 'ws'

export interface VisitOptions {
  /** Whom to trust, besides nobody; not needed for http: URLs. */
  readonly ca?: { readonly certPem: string }
  /** GET, or POST with a body, unless given. */
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer | Readable
  /** A connection of its own unless given. Not for h2. */
  readonly agent?: Agent
  /** HTTP/2 instead of HTTP/1.1. */
  readonly h2?: boolean
  readonly signal?: AbortSignal
  /** Where the name leads; as a browser has it unless given. */
  readonly address?: string
  /** Which address of this machine to come from. Not for h2. */
  readonly from?: string
}

export interface Visit {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Buffer
}

/** Calls a URL as a visitor would; names under .localhost are this machine, as browsers have it. */
export async function visit(url: string, options: VisitOptions = {}): Promise<Visit> {
  if (options.h2 === true) return visitH2(url, options)
  const response = await openResponse(url, options)
  const body = await readAll(response)
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

/** A WebSocket that has opened. Messages wait in order until `next()` takes them. */
export interface PublicWebSocket {
  readonly socket: WebSocket
  send(message: string | Buffer): void
  /** The next message; fails when the socket closes before one comes. */
  next(): Promise<Buffer>
  close(): Promise<void>
}

/** Opens a WebSocket at an https: or http: URL; fails with the status when the answer is no handshake. */
export async function openWebSocket(
  url: string,
  options: Pick<VisitOptions, 'ca' | 'headers' | 'address'> = {},
): Promise<PublicWebSocket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), {
    lookup: lookupFor(options),
    headers: options.headers,
    ...(options.ca === undefined ? {} : { ca: options.ca.certPem }),
  })
  const messages: Buffer[] = []
  socket.on('message', (message) => messages.push(message as Buffer))
  await once(socket, 'open')
  socket.on('error', () => undefined) // 'close' follows, and next() tells
  return {
    socket,
    send: (message) => socket.send(message),
    async next() {
      while (messages.length === 0) {
        if (socket.readyState !== WebSocket.OPEN) throw new Error('the WebSocket closed')
        await Promise.race([once(socket, 'message'), once(socket, 'close')])
      }
      return messages.shift()!
    },
    async close() {
      if (socket.readyState === WebSocket.CLOSED) return
      const closed = once(socket, 'close')
      socket.terminate()
      await closed
    },
  }
}

export interface SseEvent {
  readonly id?: string
  readonly event?: string
  readonly data: string
}

/** Server-sent events as they come. Leaving the loop, or `close()`, is the visitor leaving. */
export interface SseStream extends AsyncIterable<SseEvent> {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  close(): void
}

export async function openSse(
  url: string,
  options: Pick<VisitOptions, 'ca' | 'headers' | 'address'> = {},
): Promise<SseStream> {
  const headers = { accept: 'text/event-stream', ...options.headers }
  const response = await openResponse(url, { ...options, headers })
  response.on('error', () => undefined)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    [Symbol.asyncIterator]: () => readEvents(response),
    close: () => response.destroy(),
  }
}

async function* readEvents(response: IncomingMessage): AsyncGenerator<SseEvent> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response as AsyncIterable<string>) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      yield parseEvent(text.slice(0, end))
      text = text.slice(end + 2)
    }
  }
}

function parseEvent(block: string): SseEvent {
  const fields: Record<string, string> = {}
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    fields[name] = name === 'data' && 'data' in fields ? `${fields[name]}\n${value}` : value
  }
  return { data: '', ...fields }
}

async function openResponse(url: string, options: VisitOptions): Promise<IncomingMessage> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const outgoing = request(url, {
    method: methodOf(options),
    lookup: lookupFor(options),
    agent: options.agent ?? false,
    headers: options.headers ?? {},
    ...(options.from === undefined ? {} : { localAddress: options.from }),
    ...(options.ca === undefined ? {} : { ca: options.ca.certPem }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  if (options.body instanceof Readable) {
    // An answer before the end of the body, such as 413, is an answer.
    pipeline(options.body, outgoing).catch(() => undefined)
  } else {
    outgoing.end(options.body)
  }
  const [response] = await answered
  outgoing.on('error', () => undefined) // from here on the response tells
  return response
}

async function visitH2(url: string, options: VisitOptions): Promise<Visit> {
  const { host, origin, pathname, search } = new URL(url)
  const session = connectH2(origin, {
    lookup: lookupAsBrowser,
    ...(options.ca === undefined ? {} : { ca: options.ca.certPem }),
  })
  try {
    const failed = once(session, 'error').then(([error]) => Promise.reject(error as Error))
    const stream = session.request(
      {
        ':method': methodOf(options),
        ':path': `${pathname}${search}`,
        ':authority': host,
        ...options.headers,
      },
      options.signal === undefined ? {} : { signal: options.signal },
    )
    const answered = once(stream, 'response') as Promise<[Record<string, string | string[]>]>
    if (options.body instanceof Readable) pipeline(options.body, stream).catch(() => undefined)
    else stream.end(options.body)
    const [headers] = await Promise.race([answered, failed])
    const body = await Promise.race([readAll(stream), failed])
    return { status: Number(headers[constants.HTTP2_HEADER_STATUS]), headers, body }
  } finally {
    session.destroy()
  }
}

async function readAll(readable: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of readable) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function methodOf(options: VisitOptions): string {
  return options.method ?? (options.body === undefined ? 'GET' : 'POST')
}

function lookupFor({ address }: Pick<VisitOptions, 'address'>): LookupFunction {
  if (address === undefined) return lookupAsBrowser
  return (_hostname, { all }, callback) => {
    if (all === true) callback(null, [{ address, family: 4 }])
    else callback(null, address, 4)
  }
}

/** RFC 6761 6.3: names under .localhost are loopback. Not every resolver knows. */
const lookupAsBrowser: LookupFunction = (hostname, options, callback) => {
  if (!/(^|\.)localhost$/.test(hostname)) return lookupDns(hostname, options, callback)
  if (options.all === true) return callback(null, [{ address: '127.0.0.1', family: 4 }])
  return callback(null, '127.0.0.1', 4)
}
