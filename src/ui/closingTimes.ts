import { commands, window } from 'vscode'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds } from './commandIds'
import { formatLocalTarget } from './localTarget'

/** Says so when a tunnel has ended by itself because its time was over. */
export function tellClosingTimes(tunnels: Tunnels, clock: Pick<Clock, 'now'>): Disposable {
  let known: readonly Tunnel[] = []
  return tunnels.onDidChange((all) => {
    const gone = known.filter((tunnel) => !all.includes(tunnel))
    known = all
    for (const { app, gate } of gone) {
      if ((gate.access?.closesAt ?? Infinity) > clock.now()) continue
      const port = formatLocalTarget(app)
      const again = 'Expose Again'
      void window
        .showInformationMessage(`Port ${port} is not public any more: its closing time has come.`, again)
        .then((chosen) => (chosen === again ? commands.executeCommand(commandIds.expose, port) : undefined))
    }
  })
}
