import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { AuthContext, ParsedKey, ServerChannel, Connection as SshPeer } from 'ssh2'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import { algorithms } from '../ssh/algorithms'
import { loadSsh2, type Ssh2 } from '../ssh/ssh2Library'

/** An SSH server inside this process that does one thing: it forwards unix sockets that exist in name only. */
export interface BuiltInSshd extends Disposable {
  readonly port: number
  readonly user: string
  /** As in `~/.ssh/id_ed25519`; the only key that may log in. */
  readonly clientKey: string
  /** The host key's blob (RFC 4253 6.6). */
  readonly hostKey: Buffer
  /**
   * Opens a channel to whoever forwards this socket path; undefined when nobody does.
   * @throws Error when the client does not take it.
   */
  openChannel(socketPath: string): Promise<ServerChannel> | undefined
}

/**
 * Listens on a free port of 127.0.0.1. Keys are made anew and stay in memory. There is no shell, no command, no
 * file transfer and no forward to anywhere: everything but `streamlocal-forward@openssh.com` for a path that
 * `permits` allows, and its cancellation, is refused.
 */
export async function startBuiltInSshd(options: {
  permits: (socketPath: string) => boolean
  log: Log
}): Promise<BuiltInSshd> {
  const { permits, log } = options
  const ssh2 = await loadSsh2()
  const hostKey = newKey(ssh2)
  const clientKey = newKey(ssh2)
  const owned = new DisposableStore()
  const forwards = new Forwards(permits, log)
  const sockets = new Map<number, Socket>()

  const ssh = new ssh2.Server({ hostKeys: [hostKey.text], algorithms: { cipher: [...algorithms.cipher] } })
  ssh.on('connection', (peer, info) => {
    // Whatever goes wrong with one peer ends that peer; 'close' follows.
    peer.on('error', (error: Error) => log.debug(`built-in SSH server: ${error.message}`))
    peer.on('authentication', (context) => authenticate(context, clientKey.key))
    peer.on('ready', () => {
      sockets.get(info.port)?.setTimeout(0)
      forwards.serve(peer)
    })
  })

  const listener = createServer({ noDelay: true }, (socket) => {
    const { remotePort = 0 } = socket
    sockets.set(remotePort, socket)
    // Who does not log in is let go; see 'ready'. As sshd's LoginGraceTime.
    socket.setTimeout(loginLimitMs, () => socket.destroy())
    socket.once('close', () => sockets.delete(remotePort))
    ssh.injectSocket(socket)
  })
  owned.add(
    toDisposable(() => {
      listener.close()
      for (const socket of sockets.values()) socket.destroy()
    }),
  )
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  listener.on('error', (error) => log.warn(`built-in SSH server: ${error.message}`))
  return {
    port: (listener.address() as AddressInfo).port,
    user,
    clientKey: clientKey.text,
    hostKey: hostKey.key.getPublicSSH(),
    openChannel: (socketPath) => forwards.openChannel(socketPath),
    dispose: () => owned.dispose(),
  }
}

const user = 'expose-port'
const loginLimitMs = 30_000

/** Which peer listens on which path. */
class Forwards {
  private readonly holders = new Map<string, SshPeer>()

  constructor(
    private readonly permits: (socketPath: string) => boolean,
    private readonly log: Log,
  ) {}

  serve(peer: SshPeer): void {
    peer.on('request', (accept, reject, name, info) => {
      const path = 'socketPath' in info ? info.socketPath : undefined
      if (typeof path === 'string' && this.carryOut(peer, name, path)) accept?.()
      else reject?.()
    })
    peer.on('close', () => {
      for (const [path, holder] of this.holders) if (holder === peer) this.holders.delete(path)
    })
  }

  openChannel(socketPath: string): Promise<ServerChannel> | undefined {
    const peer = this.holders.get(socketPath)
    if (peer === undefined) return undefined
    return new Promise((resolve, reject) => {
      peer.openssh_forwardOutStreamLocal(socketPath, (error, channel) => {
        if (error) reject(error)
        else resolve(channel)
      })
    })
  }

  /** OpenSSH PROTOCOL 2.4. A path that is taken stays with who took it first, as with sshd. */
  private carryOut(peer: SshPeer, request: string, path: string): boolean {
    const holder = this.holders.get(path)
    if (request === 'streamlocal-forward@openssh.com') {
      if (holder !== undefined || !this.permits(path)) return false
      this.holders.set(path, peer)
      this.log.debug(`built-in SSH server: forwards ${path}`)
      return true
    }
    if (request === 'cancel-streamlocal-forward@openssh.com' && holder === peer) {
      this.holders.delete(path)
      this.log.debug(`built-in SSH server: no longer forwards ${path}`)
      return true
    }
    return false
  }
}

/** RFC 4252 7: a key without a signature only asks whether it would do. */
function authenticate(context: AuthContext, allowed: ParsedKey): void {
  if (context.method !== 'publickey' || context.username !== user) return context.reject(['publickey'])
  const { key, signature, blob, hashAlgo } = context
  const isAllowed = key.data.equals(allowed.getPublicSSH())
  const asksOnly = signature === undefined
  const proven = !asksOnly && blob !== undefined && isSigned(allowed, blob, signature, hashAlgo)
  if (isAllowed && (asksOnly || proven)) context.accept()
  else context.reject(['publickey'])
}

/** Its types say boolean, but ssh2 returns an Error for what it cannot verify, and an Error counts as true. */
function isSigned(key: ParsedKey, data: Buffer, signature: Buffer, hash?: string): boolean {
  const answer: unknown = key.verify(data, signature, hash)
  return answer === true
}

/** ssh2 1.17 drops zero bytes from about one ed25519 key in 500, and cannot read what it wrote then. */
function newKey(ssh2: Ssh2): { text: string; key: ParsedKey } {
  for (;;) {
    const text = ssh2.utils.generateKeyPairSync('ed25519').private
    const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(text)
    const key = Array.isArray(parsed) ? (parsed as ParsedKey[])[0] : parsed
    if (key === undefined || key instanceof Error) continue
    const sample = Buffer.from('sample')
    const signature = key.sign(sample)
    if (!(signature instanceof Error) && isSigned(key, sample, signature)) return { text, key }
  }
}
