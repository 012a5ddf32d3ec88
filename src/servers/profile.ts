import type { Address } from '../base/address'
import { Failure } from '../base/failure'
import type { Destination } from '../ssh/destination'

/** A server the user configured, and how it makes a remote forward public. */
export interface ServerProfile {
  /** The key under `exposePort.servers`. */
  readonly id: string
  /** The destination as written. */
  readonly ssh: string
  readonly destination: Destination
  /** Where sshd listens; a socket path or a port may hold `{name}`. */
  readonly bind: Address
  /** What visitors call; may hold `{name}`. */
  readonly publicUrl: string
  /** Where HTTPS ends. */
  readonly tls: 'server'
  readonly identityFile?: string
}

/** A profile filled in for one tunnel. */
export interface PublicWay {
  readonly bind: Address
  readonly publicUrl: string
}

/** True when each tunnel gets a URL of its own; otherwise the profile serves one tunnel at a time. */
export function isNamed(profile: ServerProfile): boolean {
  return profile.publicUrl.includes('{name}')
}

/**
 * Puts the tunnel's name into the profile.
 * @throws Failure when the socket's path becomes longer than a unix socket may have.
 */
export function fillIn(profile: ServerProfile, name: string): PublicWay {
  const put = (text: string) => text.replaceAll('{name}', name)
  const publicUrl = put(profile.publicUrl)
  if (profile.bind.kind === 'tcp') return { bind: profile.bind, publicUrl }
  const path = put(profile.bind.path)
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new Failure({
      kind: 'socket-path-too-long',
      hop: 'settings',
      message: `The socket path ${path} is longer than the ${longestSocketPath} bytes a unix socket may have.`,
      advice: `Use a shorter directory in "bind" of server "${profile.id}".`,
      remedies: [{ do: 'open settings' }],
      canHeal: false,
    })
  }
  return { bind: { kind: 'unix', path }, publicUrl }
}

/** unix(7): sun_path has 108 bytes on Linux, one of them for the closing zero. */
const longestSocketPath = 107
