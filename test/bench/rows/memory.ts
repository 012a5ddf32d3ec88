import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../support/freePort'
import { openFiles, residentMegabytes } from '../../support/processMemory'
import { Scope } from '../../support/scope'
import { bundled } from '../bundled'
import type { IdleRequest } from '../processes/idle'
import type { OursForward } from '../processes/ours'
import type { Bound, Round } from '../row'
import { startOurs, type World } from '../world'

/** How much a process that has just connected grows, with all that it has allocated and not yet collected. */
export const memoryBounds: readonly Bound[] = [
  {
    ...{ name: 'memory for 1,000 idle visitors', unit: 'MB', most: 64 },
    measure: (round) => growth(round, { appPort: (app) => app.httpPort, visitors: 1000 }),
  },
  {
    ...{ name: 'memory for a visitor who reads nothing of an endless answer', unit: 'MB', most: 32 },
    measure: (round) => growth(round, { appPort: (app) => app.sourcePort, visitors: 1 }),
  },
]

interface Crowd {
  readonly appPort: (app: World['app']) => number
  readonly visitors: number
}

async function growth(round: Round, { appPort, visitors }: Crowd): Promise<number> {
  const world = await round.world()
  const scope = new Scope()
  try {
    const [remotePort] = (await freePorts(1)) as [number]
    const forward: OursForward = { remotePort, appPort: appPort(world.app), protocol: 'tcp' }
    const ours = await startOurs(scope, world.oursRequest([forward]))
    await sleep(settlingMs)
    const before = { memory: residentMegabytes(ours.pid), files: openFiles(ours.pid) }
    const request: IdleRequest = { port: remotePort, visitors }
    const idle = await scope.spawn(process.execPath, [bundled('idle'), JSON.stringify(request)])
    // Each has a connection to the app.
    await idle.waitUntilReady(() => openFiles(ours.pid) >= before.files + visitors)
    await sleep(settlingMs)
    return residentMegabytes(ours.pid) - before.memory
  } finally {
    await scope.close()
  }
}

/** Long enough for an endless answer to fill what would take it. */
const settlingMs = 2000
