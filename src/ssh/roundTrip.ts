import type { Client } from 'ssh2'
import type { Path } from './receiveWindow'
import { sendKeepalive } from './ssh2Internals'

/** Asks the server a few times, and keeps the shortest time in which it answered. */
export function measurePath(client: Client, now: () => number = () => performance.now()): Path {
  const path = { roundTripMs: undefined as number | undefined, now }
  const ask = (left: number) => {
    const asked = now()
    sendKeepalive(client, () => {
      path.roundTripMs = Math.min(path.roundTripMs ?? Infinity, now() - asked)
      if (left > 1) ask(left - 1)
    })
  }
  ask(timesAsked)
  return path
}

/** The first few answers take several times as long, on a short path: nothing here or there has warmed up. */
const timesAsked = 20
