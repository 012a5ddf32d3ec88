import type { Clock } from '../base/clock'
import type { Log } from '../base/log'
import type { Neighbours } from '../tunnels/neighbours'
import type { Tunnels } from '../tunnels/tunnels'
import type { Registrations } from '../webhooks/registrations'
import type { ReadOnlyDocuments } from './readOnlyDocuments'
import type { WebhookAnswers } from './webhookAnswers'

/** What the commands for webhooks have in common. */
export interface WebhookParts {
  readonly tunnels: Tunnels
  readonly registrations: Registrations
  readonly answers: WebhookAnswers
  readonly documents: ReadOnlyDocuments
  /** The other windows of this machine: what is registered is known to all of them. */
  readonly neighbours: Pick<Neighbours, 'holderOfUrl'>
  /** Exposes a port; undefined when it was cancelled or failed, which has been shown. */
  readonly expose: () => Promise<string | undefined>
  readonly clock: Clock
  readonly log: Log
}
