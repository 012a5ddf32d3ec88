import type { KnownHost } from './knownHosts'
import type { PublicKey } from './publicKey'

export type StrictHostKeyChecking = 'ask' | 'accept-new' | 'yes' | 'no'

export interface HostKeyEvidence {
  /** As filed in known_hosts, see knownHostName. */
  readonly name: string
  /** The name without its port, where that is another: what is known of the host itself counts too. */
  readonly portlessName?: string | undefined
  readonly key: PublicKey
  /** The user's files first, then the global ones. */
  readonly knownHosts: readonly KnownHost[]
  readonly strict: StrictHostKeyChecking
  /** Whether there is a file to remember the key in. */
  readonly canRemember: boolean
}

export type HostKeyDecision =
  | { readonly kind: 'trust' }
  /** Unknown, and ssh_config says to remember it without asking. */
  | { readonly kind: 'trust and remember' }
  /** Nothing is known of the host: a person decides. */
  | { readonly kind: 'ask' }
  | { readonly kind: 'refuse'; readonly reason: 'changed' | 'revoked'; readonly known: KnownHost }
  | { readonly kind: 'refuse'; readonly reason: 'unknown' }

/**
 * Decides about a server's host key as OpenSSH's client does (check_host_key in sshconnect.c): a revoked key
 * is refused whatever else is known; a key on file is trusted, also one that is on file for the host without its
 * port; where only others are on file, of whatever type, it has changed, so that an impostor cannot pass as new by
 * showing another type; otherwise the host is new. Differs in two points: what is changed or revoked is refused under
 * `no` too, because going on would send credentials to a server that may be another; and a key that is revoked for the
 * host without its port is revoked, where ssh warns and goes on.
 */
export function decideHostKey(evidence: HostKeyEvidence): HostKeyDecision {
  const { name, portlessName = name } = evidence
  const sameKey = (host: KnownHost) => host.key.blob.equals(evidence.key.blob)
  const ofHost = evidence.knownHosts.filter((host) => host.matches(name) || host.matches(portlessName))

  const revoked = ofHost.find((host) => host.marker === 'revoked' && sameKey(host))
  if (revoked) return { kind: 'refuse', reason: 'revoked', known: revoked }

  const plain = ofHost.filter((host) => host.marker === 'none')
  const ofName = plain.filter((host) => host.matches(name))
  if (ofName.some(sameKey)) return { kind: 'trust' }
  const changed = ofName.find((host) => host.key.type === evidence.key.type) ?? ofName[0]
  if (changed) return { kind: 'refuse', reason: 'changed', known: changed }
  if (plain.some(sameKey)) return { kind: 'trust' }

  // Without a file to remember it in, a new host would be new for ever: ssh refuses it.
  if (!evidence.canRemember) return { kind: 'refuse', reason: 'unknown' }
  switch (evidence.strict) {
    case 'ask':
      return { kind: 'ask' }
    case 'accept-new':
    case 'no':
      return { kind: 'trust and remember' }
    case 'yes':
      return { kind: 'refuse', reason: 'unknown' }
  }
}

/**
 * Puts the signature algorithms of key types already known for this host first, so that a known server with
 * several keys shows the one on file (OpenSSH's order_hostkeyalgs).
 */
export function orderHostKeyAlgorithms(
  algorithms: readonly string[],
  name: string,
  knownHosts: readonly KnownHost[],
): readonly string[] {
  const knownTypes = new Set(
    knownHosts.filter((host) => host.marker === 'none' && host.matches(name)).map((host) => host.key.type),
  )
  const isKnown = (algorithm: string) => knownTypes.has(keyTypeOf(algorithm))
  return [...algorithms.filter(isKnown), ...algorithms.filter((algorithm) => !isKnown(algorithm))]
}

/** RFC 8332: the RSA signature algorithms share the key type ssh-rsa. */
function keyTypeOf(algorithm: string): string {
  return algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm
}
