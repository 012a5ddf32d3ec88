import { parseDestination } from '../../ssh/destination'
import type { ServerEvidence } from '../look/evidence'
import {
  formatBind,
  type CertificateChoice,
  type OwnProfile,
  type ServerProfile,
  type TlsEnd,
} from '../profile'
import { whoCanRead } from '../visibility'

/** A way of being public that a server has, or could have. */
export interface Proposal {
  readonly way: WayKind
  /** As it will stand under `exposePort.servers`. */
  readonly entry: ServerEntry
  /** In plain words: what a tunnel gets. */
  readonly title: string
  /** What a visitor calls, how they come in, and who can read what they send. */
  readonly detail: string
  /** What has to be done first, in this order; empty where it works as it stands. */
  readonly missing: readonly Step[]
  /** What would make it better, though it works. */
  readonly better: readonly Step[]
}

export type WayKind =
  | 'gateway'
  | 'named URLs'
  | 'named URLs, HTTPS here'
  | 'numbered URLs'
  | 'one URL'
  | 'public port, HTTPS here'
  | 'public ports'
  | 'public port, HTTPS in the app'
  | 'public ports, plain TCP'

export interface ServerEntry {
  readonly ssh: string
  readonly bind?: string
  readonly publicUrl?: string
  readonly tls?: TlsEnd
  readonly certificate?: CertificateChoice
  readonly proxyProtocol?: true
}

/** Something to do on the server, or where its names are kept. */
export interface Step {
  /** In one sentence. */
  readonly what: string
  readonly where: 'sshd_config' | 'authorized_keys' | 'nginx' | 'Caddyfile' | 'DNS' | 'shell'
  /** To be pasted there. */
  readonly lines: readonly string[]
}

/** The fields of a profile of one's own that a proposal decides. */
export type Choice = Pick<OwnProfile, 'bind' | 'publicUrl' | 'tls'> &
  Partial<Pick<OwnProfile, 'certificate' | 'proxyProtocol'>>

/** Writes a proposal down: its entry, and in words who can read what comes along. */
export function proposal(
  evidence: ServerEvidence,
  choice: Choice,
  words: {
    way: WayKind
    title: string
    visitors: string
    missing: readonly Step[]
    better?: readonly Step[]
  },
): Proposal {
  const { way, title, visitors, missing, better = [] } = words
  const { bind, publicUrl, tls, certificate, proxyProtocol } = choice
  return {
    way,
    entry: {
      ssh: evidence.ssh,
      bind: formatBind(bind),
      publicUrl,
      tls,
      ...(certificate === undefined ? {} : { certificate }),
      ...(proxyProtocol === true ? { proxyProtocol } : {}),
    },
    title,
    detail: `${visitors} ${whoCanRead(profileOf(evidence, choice))}`,
    missing,
    better,
  }
}

export function gatewayProposal(evidence: ServerEvidence, base: string, missing: readonly Step[]): Proposal {
  const { ssh } = evidence
  const profile: ServerProfile = { ...reachedBy(evidence), kind: 'gateway' }
  return {
    way: 'gateway',
    entry: { ssh },
    title: `Each port gets its own name below ${base}`,
    detail: `The server is prepared for this; nothing else needs configuring. Visitors call ${example(base)}. ${whoCanRead(profile)}`,
    missing,
    better: [],
  }
}

/** A name as a tunnel could have it. */
export function example(base: string): string {
  return `https://my-app-3000.${base}`
}

function profileOf(evidence: ServerEvidence, choice: Choice): OwnProfile {
  return { ...reachedBy(evidence), kind: 'own', proxyProtocol: false, ...choice }
}

function reachedBy({ ssh, hostName }: ServerEvidence): Pick<OwnProfile, 'id' | 'ssh' | 'destination'> {
  return { id: hostName, ssh, destination: { ...parseDestination(ssh), host: hostName } }
}
