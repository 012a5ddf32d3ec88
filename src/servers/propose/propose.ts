import type { ServerEvidence } from '../look/evidence'
import { existingWays } from './existing'
import { namedWay, oneUrlWay } from './possible'
import { gatewayProposal, type Proposal, type WayKind } from './proposal'
import { publicPorts } from './publicPorts'
import { dnsStep } from './steps'

/**
 * What a server can be used for, best first: those that work as they stand come before those that need something, and
 * each group is in the order of preference. Never empty: where sshd forbids it all, the first says what to change.
 */
export function propose(evidence: ServerEvidence): { readonly proposals: readonly Proposal[] } {
  const { gateway } = evidence
  if (gateway !== undefined) {
    const missing = gateway.leadsHere === 'no' ? [dnsStep(`*.${gateway.base}`, evidence)] : []
    return { proposals: [gatewayProposal(evidence, gateway.base, missing)] }
  }
  const existing = inOrder(existingWays(evidence))
  const { here, raw } = publicPorts(evidence)
  const all = [
    ...existing,
    ...(servesNames(existing, evidence) ? [] : [namedWay(evidence)]),
    ...(has(existing, 'one URL') ? [] : oneUrlWay(evidence)),
    ...here,
    ...raw,
  ]
  const isReady = ({ missing }: Proposal) => missing.length === 0
  return { proposals: [...all.filter(isReady), ...all.filter((each) => !isReady(each))] }
}

const preference: readonly WayKind[] = ['named URLs', 'named URLs, HTTPS here', 'numbered URLs', 'one URL']

function inOrder(proposals: readonly Proposal[]): Proposal[] {
  return preference.flatMap((way) => proposals.filter((each) => each.way === way))
}

/** A proxy that has names below another domain than the one that is asked about does not have these. */
function servesNames(existing: readonly Proposal[], { domain }: ServerEvidence): boolean {
  return existing.some(
    ({ way, entry }) =>
      way === 'named URLs' &&
      (domain === undefined || new URL(entry.publicUrl ?? '').hostname.endsWith(`.${domain.name}`)),
  )
}

function has(proposals: readonly Proposal[], way: WayKind): boolean {
  return proposals.some((each) => each.way === way)
}
