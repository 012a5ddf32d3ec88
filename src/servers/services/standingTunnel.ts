import type { Clock } from '../../base/clock'
import type { DisposableStore } from '../../base/disposable'
import { Emitter, type Event } from '../../base/event'
import type { Failure } from '../../base/failure'
import type { RemoteForward } from '../../ssh/remoteForwards'
import type { Transport } from '../../ssh/transport'
import type { Announcement } from './announcement'
import type { ServiceSession } from './serviceSession'

/** A tunnel at a service. */
export interface ServiceListening {
  readonly publicUrl: string
  /** What a person should know: a name that is not the one asked for, limits. */
  readonly remarks: readonly string[]
  /** The service gave the tunnel another URL while it stands. */
  readonly onDidChangeUrl: Event<string>
  /** The service ended it, and the connection stands. */
  readonly onDidEnd: Event<Failure>
  /** Takes the request to listen back. The session stays for the life of the connection, which is to end then too. */
  cancel(): Promise<void>
}

/** The tunnel from when it has a URL; `owned` goes with it. */
export function standingTunnel(facts: {
  readonly publicUrl: string
  readonly remarks: readonly string[]
  readonly forward: RemoteForward
  readonly announcement: Announcement
  readonly session: ServiceSession | undefined
  readonly transport: Transport
  readonly clock: Clock
  readonly owned: DisposableStore
  /** Why it ended. */
  readonly ended: () => Failure
}): ServiceListening {
  const { publicUrl, remarks, forward, announcement, owned } = facts
  const didChangeUrl = owned.add(new Emitter<string>())
  let current = publicUrl
  owned.add(
    announcement.onDidChange(() => {
      if (announcement.publicUrl === undefined || announcement.publicUrl === current) return
      current = announcement.publicUrl
      didChangeUrl.fire(current)
    }),
  )
  return {
    publicUrl,
    remarks,
    onDidChangeUrl: didChangeUrl.event,
    onDidEnd: endOf(facts),
    cancel: async () => {
      owned.dispose()
      await forward.cancel()
    },
  }
}

/** The end of the session, where it is not the connection's. */
function endOf({
  session,
  transport,
  clock,
  owned,
  ended,
}: Pick<
  Parameters<typeof standingTunnel>[0],
  'session' | 'transport' | 'clock' | 'owned' | 'ended'
>): Event<Failure> {
  const didEnd = owned.add(new Emitter<Failure>())
  const onSessionEnd = () => {
    if (!transport.isOpen) return
    // The connection usually ends with it, and then it is the connection that comes back.
    const ending = owned.add(clock.after(endGraceMs, () => didEnd.fire(ended())))
    owned.add(transport.onDidClose(() => ending.dispose()))
  }
  if (session?.hasEnded === true) onSessionEnd()
  else if (session !== undefined) owned.add(session.onDidEnd(onSessionEnd))
  return didEnd.event
}

const endGraceMs = 1000
