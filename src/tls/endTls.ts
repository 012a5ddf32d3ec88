import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept, Visitor } from '../base/visitor'
import type { Certificate, CertificatePair } from './certificate'
import { peekClientHello, type ClientHello } from './clientHello'

type Protocol = NonNullable<Visitor['protocol']>

/**
 * Ends TLS on this machine: passes each visitor on with what they really say, and the protocol they agreed on.
 * An authority that checks the name (RFC 8737) is answered here. A certificate that is replaced is shown to new
 * visitors at once; connections that stand live on.
 */
export class EndTls implements Disposable {
  private readonly owned = new DisposableStore()
  private readonly inHandshake = new Set<Duplex>()
  /** Between two handshakes. Each leads one at a time, so that its visitor is known. */
  private idle: Server[] = []
  private ticketKeys = randomBytes(48)
  private lastShown: CertificatePair | undefined

  constructor(
    private readonly options: {
      readonly certificate: Certificate
      readonly clock: Clock
      readonly log: Log
      /** What visitors may choose from, best first; `h2` and `http/1.1` unless given, none for what is not HTTP. */
      readonly protocols?: readonly Protocol[]
    },
    private readonly next: Accept,
  ) {
    this.owned.add(
      options.certificate.onDidChange(() => {
        this.idle = []
        // Nobody may come back to a session that was made with the old certificate.
        this.ticketKeys = randomBytes(48)
      }),
    )
    this.owned.add(
      toDisposable(() => {
        for (const stream of this.inHandshake) stream.destroy()
      }),
    )
  }

  readonly accept: Accept = (visitor) => {
    const { clock, log } = this.options
    if (this.owned.isDisposed) return void visitor.stream.destroy()
    const { stream } = visitor
    const since = clock.now()
    this.inHandshake.add(stream)
    stream.once('close', () => this.inHandshake.delete(stream))
    peekClientHello(stream, { clock, limitMs: handshakeLimitMs }, (hello, whole) => {
      if (hello === undefined) {
        log.debug(`TLS: ${from(visitor)} sent no ClientHello`)
        whole.destroy()
        return
      }
      const limitMs = handshakeLimitMs - (clock.now() - since)
      this.answer({ ...visitor, stream: whole }, hello, limitMs)
    })
  }

  dispose(): void {
    this.idle = []
    this.owned.dispose()
  }

  private answer(visitor: Visitor, hello: ClientHello, limitMs: number): void {
    const challenge = this.challengeFor(hello)
    if (challenge !== undefined) return this.answerChallenge(visitor, hello, limitMs, challenge)
    const { idle } = this
    const server = idle.pop() ?? this.newServer()
    this.shake(server, visitor, limitMs, (socket) => {
      if (idle.length < mostIdle) idle.push(server)
      const protocol = socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1'
      this.next({ ...visitor, stream: socket, protocol })
    })
  }

  private challengeFor({ serverName, alpn }: ClientHello): CertificatePair | undefined {
    // RFC 8737 3: the authority offers this protocol alone.
    if (serverName === undefined || alpn.length !== 1 || alpn[0] !== acmeTls) return undefined
    return this.options.certificate.challenge(serverName)
  }

  private answerChallenge(
    visitor: Visitor,
    { serverName = '' }: ClientHello,
    limitMs: number,
    challenge: CertificatePair,
  ): void {
    this.options.log.info(`TLS: ${from(visitor)} checks the name ${serverName} for an authority`)
    const server = this.serverFor(challenge, [acmeTls])
    if (server === undefined) return void visitor.stream.destroy()
    this.shake(server, visitor, limitMs, (socket) => {
      // RFC 8737 3: the connection has served its purpose with the handshake.
      socket.end().resume()
      this.closeLater(visitor.stream)
    })
  }

  /** `onDone` gets the visitor's stream within TLS, once that stands. */
  private shake(
    server: Server,
    visitor: Visitor,
    limitMs: number,
    onDone: (socket: TLSSocket) => void,
  ): void {
    const { clock, log } = this.options
    const { stream } = visitor
    const settle = () => {
      limit.dispose()
      this.inHandshake.delete(stream)
      server.off('secureConnection', onSecure).off('tlsClientError', onError)
      stream.off('close', settle).off('end', giveUp)
    }
    const onSecure = (socket: TLSSocket) => {
      settle()
      socket.on('error', () => socket.destroy())
      onDone(socket)
    }
    const onError = (error: Error) => {
      settle()
      log.debug(`TLS: the handshake with ${from(visitor)} failed: ${error.message}`)
      // The alert that says why goes out first.
      stream.end()
      this.closeLater(stream)
    }
    const giveUp = () => stream.destroy()
    const limit = clock.after(limitMs, giveUp)
    this.inHandshake.add(stream)
    stream.once('close', settle).once('end', giveUp)
    server.once('secureConnection', onSecure).once('tlsClientError', onError)
    server.emit('connection', stream)
  }

  /** For a visitor to whom all has been said; they have a while to close their side. */
  private closeLater(stream: Duplex): void {
    if (stream.destroyed) return
    const limit = this.options.clock.after(closeLimitMs, () => stream.destroy())
    this.inHandshake.add(stream)
    stream.once('close', () => {
      limit.dispose()
      this.inHandshake.delete(stream)
    })
  }

  /** With the newest certificate that can be used; without any, visitors get a handshake_failure alert. */
  private newServer(): Server {
    const { current } = this.options.certificate
    const { protocols = ['h2', 'http/1.1'] } = this.options
    const server = current && this.serverFor(current, protocols)
    if (server !== undefined) {
      this.lastShown = current
      return server
    }
    return (
      (this.lastShown && this.serverFor(this.lastShown, protocols)) ??
      this.serverFor(undefined, protocols) ??
      createServer()
    )
  }

  private serverFor(pair: CertificatePair | undefined, protocols: readonly string[]): Server | undefined {
    try {
      return createServer({
        ...(pair === undefined ? {} : { key: pair.keyPem, cert: pair.certPem }),
        ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
        minVersion: 'TLSv1.2',
        ticketKeys: this.ticketKeys,
      })
    } catch (error) {
      this.options.log.error(`TLS: the certificate cannot be used: ${String(error)}`)
      return undefined
    }
  }
}

const handshakeLimitMs = 10_000
const closeLimitMs = 2000
/** More wait only while more visitors come at once. */
const mostIdle = 16
const acmeTls = 'acme-tls/1'

function from({ originator: { address } }: Visitor): string {
  return address === '' ? 'a visitor' : address
}
