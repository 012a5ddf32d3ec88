import type { Memento } from 'vscode'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Server } from '../servers/server'
import type { ThisMachine } from '../servers/thisMachine'
import type { Tunnels } from '../tunnels/tunnels'

const portKey = 'thisMachine.httpsPort'

/** "Try it on this machine": started when it is first chosen, ended when its last tunnel is. */
export class ThisMachineOnDemand implements Disposable {
  private running: Promise<ThisMachine> | undefined
  private readonly subscription: Disposable

  constructor(
    private readonly memory: Memento,
    tunnels: Tunnels,
    private readonly log: Log,
  ) {
    let used = false
    this.subscription = tunnels.onDidChange((all) => {
      const uses = all.some((tunnel) => tunnel.server.profile.id === 'this-machine')
      if (used && !uses) this.end()
      used = uses
    })
  }

  async server(): Promise<Server> {
    this.running ??= this.start()
    try {
      return (await this.running).server
    } catch (error) {
      this.running = undefined
      throw error
    }
  }

  dispose(): void {
    this.subscription.dispose()
    this.end()
  }

  private async start(): Promise<ThisMachine> {
    const { startThisMachine } = await import('../servers/thisMachine')
    const thisMachine = await startThisMachine({
      preferredPort: this.memory.get<number>(portKey) ?? 8443,
      log: this.log,
    })
    // The same port next time keeps the URL.
    await this.memory.update(portKey, thisMachine.httpsPort)
    return thisMachine
  }

  private end(): void {
    const { running } = this
    this.running = undefined
    running?.then(
      (thisMachine) => thisMachine.dispose(),
      () => undefined,
    )
  }
}
