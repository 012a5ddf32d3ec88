import type * as ssh2 from 'ssh2'
import type { Client } from 'ssh2'

export type Ssh2 = typeof ssh2

/** Loads ssh2 on first use: reading and compiling it takes tens of milliseconds that start-up need not pay. */
export async function loadSsh2(): Promise<Ssh2> {
  const library: Ssh2 & { readonly default?: Ssh2 } = await import('ssh2')
  // Of a CommonJS module Node names only the exports it can tell without running it; all of them are in `default`.
  return library.default ?? library
}

/**
 * Listens to SSH_MSG_DEBUG texts (RFC 4253 11.3): sshd says there why it refused a forward, and ssh2 1.17 has no
 * public event for them. Reads an internal, so it checks for it first; without it only the reason is lost.
 * Call it right after `connect()`.
 */
export function onServerMessage(client: Client, listener: (text: string) => void): void {
  const handlers = internalsOf(client)?._protocol?._handlers
  if (handlers === undefined || !('DEBUG' in handlers)) return
  handlers['DEBUG'] = (_protocol: unknown, _display: unknown, text: unknown) => {
    if (typeof text === 'string') listener(text)
  }
}

/**
 * Hears each SSH_MSG_USERAUTH_FAILURE (RFC 4252 5.1) before ssh2 does: of the answer to a key ssh2 1.17 drops what
 * the server takes next, and so a second factor is never found. Call it right after `connect()`.
 */
export function onAuthenticationRefused(
  client: Client,
  listener: (methodsLeft: readonly string[], isPartialSuccess: boolean) => void,
): void {
  const handlers = internalsOf(client)?._protocol?._handlers
  const handle = handlers?.['USERAUTH_FAILURE']
  if (handlers === undefined || typeof handle !== 'function') return
  handlers['USERAUTH_FAILURE'] = (protocol: unknown, methods: unknown, isPartialSuccess: unknown) => {
    if (Array.isArray(methods)) listener(methods.map(String), isPartialSuccess === true)
    Reflect.apply(handle, handlers, [protocol, methods, isPartialSuccess])
  }
}

/**
 * Sends `keepalive@openssh.com` (OpenSSH PROTOCOL 2.2). Any answer, even a refusal, shows that the peer lives.
 * ssh2's own keepalive counts only its replies and so kills a connection that is busy with bulk data.
 * Answers false when this ssh2 does not have the internals it takes.
 */
export function sendKeepalive(client: Client, onAnswer: () => void): boolean {
  const internals = internalsOf(client)
  const callbacks = internals?._callbacks
  const protocol = internals?._protocol
  if (!Array.isArray(callbacks) || typeof protocol?.ping !== 'function') return false
  // Replies to global requests carry no name: each request needs its place in the one queue (RFC 4254 4).
  callbacks.push((error: unknown) => {
    // A refusal is `true`; an Error means that the connection has ended.
    if (!(error instanceof Error)) onAnswer()
  })
  protocol.ping()
  return true
}

interface Internals {
  _callbacks?: unknown
  _protocol?: { ping?: () => void; _handlers?: Record<string, unknown> }
}

function internalsOf(client: Client): Internals | undefined {
  return client as unknown as Internals
}
