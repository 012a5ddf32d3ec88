import type { AccessRules } from './access/accessRules'
import type { HoldOptions } from './hold'
import type { HostHeader } from './towardsApp'

/** What a person wishes of the gate for one port. Each may change while the tunnel is open. */
export interface GateOptions {
  /** By which name visitors' requests call the app; `local` unless given. */
  readonly hostHeader?: HostHeader
  /** Whether its exchanges are kept for a person to see; true unless given. */
  readonly capture?: boolean
  /** Who may come in; everybody unless given. */
  readonly access?: AccessRules
  /** How long the app may take to begin its answer, in milliseconds; as long as it needs unless given. */
  readonly answerWithinMs?: number
  /** What is held while the app is down; nothing unless given. */
  readonly hold?: HoldOptions
}
