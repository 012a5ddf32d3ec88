import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock'
import { toDisposable } from '../base/disposable'
import { putBack, readStart } from '../base/startOfStream'
import type { Accept, Visitor } from '../base/visitor'
import { valuesOf, type AcceptExchange, type Exchange, type Field } from '../http/exchange'
import { parseClientHello } from '../tls/clientHello'
import { alpnNonce, nonceHeader, nonceLine } from './nonce'

/**
 * Lets a check of the public URL prove that it reached this very tunnel: while a nonce is expected, a visitor whose
 * first request or first line carries it is answered here, and the app never sees it. Where the app ends TLS, the
 * nonce stands in the ClientHello: it has arrived, and the app gets the visitor. Everyone else passes untouched.
 */
export class NonceStage {
  private readonly expected = new Set<string>()
  private readonly looking = new Set<() => void>()

  constructor(
    private readonly next: Accept,
    private readonly clock: Clock,
    private readonly checks: {
      /** Where the check itself goes on to the app: past what may keep visitors out. `next` unless given. */
      readonly pass?: Accept
      /** Told of the fields with which a check has come. */
      readonly onSeen?: (fields: readonly Field[]) => void
    } = {},
  ) {}

  readonly accept: Accept = (visitor) => {
    if (this.expected.size === 0) this.next(visitor)
    else this.look(visitor)
  }

  /** The same for one request: proxies keep connections, and send a check over one that has passed long ago. */
  acceptExchange(exchange: Exchange, next: AcceptExchange): void {
    const { request, response } = exchange
    const [nonce] = this.expected.size === 0 ? [] : valuesOf(request.fields, nonceHeader)
    if (nonce === undefined || !this.expected.delete(nonce)) return next(exchange)
    this.checks.onSeen?.(request.fields)
    request.body.on('error', () => undefined).resume()
    response.begin(204, 'No Content', [[nonceHeader, nonce]])
    response.end([])
  }

  /** Expects a fresh nonce until `done` is called. */
  expect(): { nonce: string; arrived: () => boolean; done: () => void } {
    const nonce = randomBytes(16).toString('hex')
    this.expected.add(nonce)
    return {
      nonce,
      arrived: () => !this.expected.has(nonce),
      done: () => {
        this.expected.delete(nonce)
        // Visitors that have not shown a whole head yet need not wait any longer.
        if (this.expected.size === 0) for (const letGo of [...this.looking]) letGo()
      },
    }
  }

  private look(visitor: Visitor): void {
    const { stream } = visitor
    let patience = toDisposable(() => undefined)
    const wait = () => {
      patience.dispose()
      patience = this.clock.after(patienceMs, letGo)
    }
    const isEnough = (head: Buffer) => {
      wait()
      return head.length > longestHead || judge(head) !== 'unfinished'
    }
    const start = readStart(stream, isEnough, (head) => {
      patience.dispose()
      this.looking.delete(letGo)
      if (head !== undefined) this.decide(visitor, head)
    })
    const letGo = () => start.letGo()
    this.looking.add(letGo)
    wait()
  }

  private decide(visitor: Visitor, head: Buffer): void {
    const found = judge(head)
    const isCheck = typeof found !== 'string' && this.expected.delete(found.nonce)
    if (isCheck && found.fields !== undefined) this.checks.onSeen?.(found.fields)
    if (isCheck && found.answer !== undefined) return answer(visitor.stream, found.answer)
    const { pass = this.next } = this.checks
    const next = isCheck ? pass : this.next
    next({ ...visitor, stream: putBack(visitor.stream, head) })
  }
}

const longestHead = 16 * 1024
/** In many protocols the app speaks first, and a visitor that waits for it must get it. */
const patienceMs = 1000

/** A nonce, and what its bearer is answered; undefined for a bearer whom the app answers. */
interface Found {
  readonly nonce: string
  readonly answer: string | undefined
  /** Of HTTP. */
  readonly fields?: readonly Field[]
}

function judge(head: Buffer): Found | 'unfinished' | 'other' {
  if (head[0] === tlsHandshake) return judgeHello(head)
  const text = head.toString('latin1')
  if (looksLikeLine(text)) return judgeLine(text)
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return looksLikeHttp(text) ? 'unfinished' : 'other'
  const nonce = new RegExp(`^${nonceHeader}:[ \\t]*(${nonceShape})[ \\t]*$`, 'im').exec(
    text.slice(0, end),
  )?.[1]
  if (nonce === undefined) return 'other'
  const fields = text
    .slice(0, end)
    .split('\r\n')
    .slice(1)
    .map((line): Field => [line.replace(/:.*$/, ''), line.replace(/^[^:]*:/, '').trim()])
  return {
    nonce,
    fields,
    answer: `HTTP/1.1 204 No Content\r\n${nonceHeader}: ${nonce}\r\nConnection: close\r\n\r\n`,
  }
}

const tlsHandshake = 22
const nonceShape = '[0-9a-f]{32}'
const anyNonce = '0'.repeat(32)

function judgeHello(head: Buffer): Found | 'unfinished' | 'other' {
  const hello = parseClientHello(head)
  if (hello === 'unfinished') return hello
  if (hello === 'not TLS') return 'other'
  const shape = new RegExp(`^${alpnNonce(`(${nonceShape})`)}$`)
  const nonce = hello.alpn.map((protocol) => shape.exec(protocol)?.[1]).find((found) => found !== undefined)
  return nonce === undefined ? 'other' : { nonce, answer: undefined }
}

/** Whether it is the start of the line that carries a nonce, or that line. */
function looksLikeLine(text: string): boolean {
  const [prefix = ''] = nonceLine(anyNonce).ask.split(anyNonce)
  const length = Math.min(text.length, prefix.length)
  return length > 0 && text.startsWith(prefix.slice(0, length))
}

function judgeLine(text: string): Found | 'unfinished' | 'other' {
  const nonce = new RegExp(nonceShape).exec(text)?.[0]
  if (nonce !== undefined) {
    const { ask, answer } = nonceLine(nonce)
    if (text.startsWith(ask)) return { nonce, answer }
  }
  const { ask } = nonceLine(anyNonce)
  return text.length < ask.length && /^[A-Z-]*(?: [0-9a-f]*\r?)?$/.test(text) ? 'unfinished' : 'other'
}

function looksLikeHttp(start: string): boolean {
  return /^[A-Z]{1,10}(?: |$)/.test(start)
}

function answer(stream: Duplex, text: string): void {
  stream.resume()
  stream.end(text)
}
