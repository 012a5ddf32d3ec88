import type { ServerEvidence } from '../servers/look/evidence'
import type { Proposal } from '../servers/propose/proposal'
import { readServers } from '../servers/validation'
import { whoCanRead } from '../servers/visibility'
import { countOf } from './stepsText'

/** What a person wants of a server that was looked at. */
export type Wanted =
  | { readonly kind: 'proposal'; readonly proposal: Proposal }
  | { readonly kind: 'another domain' }
  | { readonly kind: 'prepare' }
  | { readonly kind: 'write it' }

export interface ProposalRow {
  readonly label: string
  readonly description?: string
  readonly detail?: string
  /** Rows of one group stand together, under its title. */
  readonly group: string
  readonly wanted: Wanted
}

/** The proposals in their order, best first, and what else can be done. */
export function proposalRows(proposals: readonly Proposal[], evidence: ServerEvidence): ProposalRow[] {
  return [
    ...proposals.map(proposalRow),
    {
      label: '$(search) Look for another domain…',
      description: evidence.domain === undefined ? '' : `in place of ${evidence.domain.name}`,
      group: 'more',
      wanted: { kind: 'another domain' },
    },
    ...(canBePrepared(evidence) ? [prepareRow] : []),
    {
      label: '$(edit) Write it yourself',
      description: 'in settings.json, where suggestions offer each way filled in',
      group: 'more',
      wanted: { kind: 'write it' },
    },
  ]
}

function proposalRow(proposal: Proposal): ProposalRow {
  const { title, missing, better } = proposal
  const isReady = missing.length === 0
  return {
    label: `$(${isReady ? 'check' : 'tools'}) ${title}`,
    ...(isReady ? {} : { description: countOf(missing) }),
    ...(isReady && better.length > 0 ? { description: 'could be better' } : {}),
    detail: readers(proposal),
    group: isReady ? 'ready' : 'steps needed',
    wanted: { kind: 'proposal', proposal },
  }
}

function readers({ entry, detail }: Proposal): string {
  const [profile] = readServers({ server: entry }).profiles
  return profile === undefined ? detail : whoCanRead(profile)
}

const prepareRow: ProposalRow = {
  label: '$(rocket) Prepare this server as a gateway…',
  description: 'installs Caddy; needs sudo; shows first what it does',
  group: 'more',
  wanted: { kind: 'prepare' },
}

/** The script stops where another program holds the ports of the web; Caddy may be one's own, which it says. */
function canBePrepared({ gateway, shell, front }: ServerEvidence): boolean {
  return (
    gateway === undefined && shell !== undefined && (front.holdsHttps !== 'yes' || front.kind === 'caddy')
  )
}
