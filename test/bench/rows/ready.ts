import { freePort } from '../../support/freePort'
import { findTool } from '../../support/tools'
import { askProcess, bundled } from '../bundled'
import type { ReadyAnswer, ReadyRequest } from '../processes/ready'
import type { Row, RowGroup, Side } from '../row'
import { median } from '../statistics'
import type { World } from '../world'

/**
 * Ours: from a command in a process that has loaded what the extension loads when it starts, with ssh2 still to be
 * read. OpenSSH: from the start of ssh. Both until a visitor can connect.
 */
const ready: Row = {
  ...{ name: 'time to ready', unit: 'ms', better: 'less', goal: 0.7 },
  measure: async (side, round) => {
    const world = await round.world()
    const samples: number[] = []
    while (samples.length < samplesARound) samples.push(await timeToReady(side, world))
    return median(samples)
  },
}

export const readyRows: readonly RowGroup[] = [[ready]]

const samplesARound = 5

async function timeToReady(side: Side, world: World): Promise<number> {
  const port = await freePort()
  const forwards = [{ remotePort: port, appPort: world.app.httpPort, protocol: 'tcp' as const }]
  const request: ReadyRequest =
    side === 'ours'
      ? {
          ...{ command: process.execPath, args: [bundled('ours')], port },
          line: JSON.stringify(world.oursRequest(forwards)),
        }
      : { command: findTool('ssh'), args: world.sshArgs(forwards), port, line: undefined }
  const { ms } = (await askProcess('ready', request)) as ReadyAnswer
  return ms
}
