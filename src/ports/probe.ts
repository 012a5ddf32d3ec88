import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { systemClock, type Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { formatHostPort } from '../base/address'
import { Failure } from '../base/failure'
import { dialLocal, dialLocalTls } from './dialLocal'
import { surelyKnownProgram } from './knownPrograms'
import type { ListeningProcess } from './listeningPort'

export type LocalProtocol = 'http' | 'https' | 'tcp'

export interface ProbeOptions {
  readonly signal?: AbortSignal
  /** How long an answer may take, in milliseconds; 1500 unless given. */
  readonly limitMs?: number
  /** Who listens there, if known: what must not be disturbed is not. */
  readonly process?: ListeningProcess | undefined
  /** The same process has answered HTTP before, so it need not be waited for to speak first. */
  readonly spokeHttp?: boolean
  readonly clock?: Clock
}

/**
 * Finds out what the app speaks, with as little harm as can be:
 *
 * - A program known not to speak HTTP is sent nothing: a database counts or logs what it cannot read, and
 *   one that ends after its first client (`nc -l`, debuggers) is not even connected to.
 * - Who speaks first (SSH, SMTP, FTP, MySQL) is heard out and left.
 * - Then one `OPTIONS /`: by RFC 9110 9.3.7 it changes nothing, frameworks answer it without running the
 *   page that `GET` or `HEAD` would compile and log as a visit, and any HTTP server answers it somehow. (Not
 *   `OPTIONS *`, which apps that parse the path do not expect.) It asks to close, and the answer is read to
 *   its end, so that the app does not see a broken pipe.
 * - HTTP before TLS, because most apps are plain and note a ClientHello as garbage; a TLS server turns
 *   plain HTTP away at once, and only then is asked for a handshake, on a second connection after the first
 *   has ended.
 *
 * Silence is `tcp`. Throws a Failure `nothing-listens` when the connection is refused, `local-app-unreachable`
 * when it fails otherwise, and the signal's reason on abort.
 */
export async function probeLocalPort(
  address: { readonly host: string; readonly port: number },
  options: ProbeOptions = {},
): Promise<LocalProtocol> {
  const { signal, limitMs = 1500, process, spokeHttp = false, clock = systemClock } = options
  signal?.throwIfAborted()
  const program = surelyKnownProgram({ port: address.port, ...(process && { process }) })
  if (program?.oneClient) return 'tcp'
  const terms = { address, deadline: clock.now() + limitMs, clock, signal }
  const verdict = await converse(dialLocal(address), terms, async (talk) => {
    await talk.until(() => talk.isOpen)
    if (!talk.isOpen) throw unreachable(address, talk.error)
    talk.listen()
    if (program?.speaksOther) return 'tcp'
    if (!spokeHttp) await talk.until(() => talk.said.length > 0, GREETING_MS)
    if (talk.said.length > 0) return judgeAnswer(talk.evidence)
    return ask(talk, address)
  })
  if (verdict === 'https or http') return (await probeTls(terms)) === 'https' ? 'https' : 'http'
  return verdict === 'https or tcp' ? probeTls(terms) : verdict
}

export interface Evidence {
  /** What the app said. */
  readonly said: Buffer
  /** It ended the connection. */
  readonly ended: boolean
}

/** An `or` can only be settled by a handshake. */
export type Verdict = LocalProtocol | 'https or http' | 'https or tcp'

/** What an answer to plain HTTP, or a greeting, tells about who gave it. */
export function judgeAnswer({ said, ended }: Evidence): Verdict {
  if (said.length === 0) return ended ? 'https or tcp' : 'tcp'
  // RFC 8446 5.1: a record of type alert; servers answer plain text with one.
  if (said[0] === 21 && said[1] === 3) return 'https or tcp'
  const text = said.toString('latin1')
  if (!text.startsWith('HTTP/')) return 'tcp'
  // nginx, Apache, Go and Tomcat answer plain HTTP on a TLS port with a 400 that says so.
  return /^HTTP\/1\.[01] 400 /.test(text) && /https|ssl|tls/i.test(text) ? 'https or http' : 'http'
}

// Servers that speak first do so at once, on loopback within a millisecond or two.
const GREETING_MS = 120
// For the rest of an answer that is known to be HTTP.
const REST_MS = 250
const LONGEST_ANSWER = 64 * 1024

interface ProbeTerms {
  readonly address: { readonly host: string; readonly port: number }
  readonly deadline: number
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

async function ask(talk: Conversation, { host, port }: ProbeTerms['address']): Promise<Verdict> {
  const name = host === 'localhost' ? `localhost:${port}` : formatHostPort(host, port)
  talk.say(
    `OPTIONS / HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: expose-port\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
  )
  const isHttp = () => talk.said.toString('latin1', 0, 5) === 'HTTP/'
  await talk.until(() => isHttp() || !'HTTP/'.startsWith(talk.said.toString('latin1')))
  if (isHttp()) await talk.until(() => talk.said.length > LONGEST_ANSWER, REST_MS)
  return judgeAnswer(talk.evidence)
}

async function probeTls(terms: ProbeTerms): Promise<LocalProtocol> {
  const secure = dialLocalTls(terms.address)
  return converse(secure, terms, async (talk) => {
    await talk.until(() => talk.isOpen)
    // A plain server that hung up on HTTP, or had time for one connection only, ends up here too.
    if (!talk.isOpen) return isTlsAlert(talk.error) ? 'https' : 'tcp'
    if (secure.alpnProtocol === 'http/1.1') return 'https'
    talk.listen()
    // TLS it is, but it may be mail or a message broker inside.
    const inside = await ask(talk, terms.address)
    return inside === 'http' || (inside === 'https or tcp' && isTlsAlert(talk.error)) ? 'https' : 'tcp'
  })
}

/** The server speaks TLS and refused ours: it wants another name, version or a client certificate. */
function isTlsAlert(error: NodeJS.ErrnoException | undefined): boolean {
  return /^ERR_SSL_.*(ALERT|UNRECOGNIZED_NAME|CERTIFICATE_REQUIRED)/.test(error?.code ?? '')
}

/** Holds a connection for as long as `talk` takes, and leaves nothing of it. */
async function converse<T>(
  socket: Socket,
  terms: ProbeTerms,
  talk: (talk: Conversation) => Promise<T>,
): Promise<T> {
  const conversation = new Conversation(socket, terms)
  try {
    const result = await talk(conversation)
    terms.signal?.throwIfAborted()
    return result
  } finally {
    conversation.dispose()
  }
}

/** A connection with what has been said on it, for somebody who waits for things with a limit. */
class Conversation implements Disposable {
  isOpen = false
  said = Buffer.alloc(0)
  error: NodeJS.ErrnoException | undefined
  private isOver = false
  private wake: () => void = () => undefined
  private readonly onAbort = () => void this.socket.destroy()

  constructor(
    private readonly socket: Socket,
    private readonly terms: ProbeTerms,
  ) {
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () =>
      this.note(() => (this.isOpen = true)),
    )
    socket.on('error', (error: NodeJS.ErrnoException) => this.note(() => (this.error = error)))
    socket.once('end', () => this.note(() => (this.isOver = true)))
    socket.once('close', () => this.note(() => (this.isOver = true)))
    terms.signal?.addEventListener('abort', this.onAbort, { once: true })
  }

  get evidence(): Evidence {
    return { said: this.said, ended: this.isOver }
  }

  /** Begins to keep what the other side says. */
  listen(): void {
    this.socket.on('data', (chunk: Buffer) =>
      this.note(() => (this.said = Buffer.concat([this.said, chunk]))),
    )
  }

  say(text: string): void {
    this.socket.write(text)
  }

  /** Waits for the condition, the end of the connection, `ms` or the deadline, whichever comes first. */
  async until(condition: () => boolean, ms = Infinity): Promise<void> {
    const { clock, deadline, signal } = this.terms
    const end = Math.min(clock.now() + ms, deadline)
    while (!condition() && !this.isOver && clock.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(end - clock.now(), resolve)
        this.wake = () => {
          timer.dispose()
          resolve()
        }
      })
    }
    signal?.throwIfAborted()
  }

  dispose(): void {
    this.terms.signal?.removeEventListener('abort', this.onAbort)
    // Ends politely (FIN, and close_notify on TLS) where there is still somebody to take leave of.
    if (this.isOpen) this.socket.end()
    this.socket.destroySoon()
  }

  private note(fact: () => void): void {
    fact()
    this.wake()
  }
}

function unreachable(
  { host, port }: ProbeTerms['address'],
  error: NodeJS.ErrnoException | undefined,
): Failure {
  const where = formatHostPort(host, port)
  const isRefused = error?.code === 'ECONNREFUSED'
  return new Failure({
    kind: isRefused ? 'nothing-listens' : 'local-app-unreachable',
    hop: 'local app',
    message: isRefused ? `Nothing listens on ${where}.` : `No connection to ${where}.`,
    ...(error && { said: error.message }),
    advice: isRefused ? 'Start your app, or choose the port it listens on.' : 'Check the host and the port.',
    remedies: [{ do: 'retry' }],
    canHeal: true,
    cause: error,
  })
}
