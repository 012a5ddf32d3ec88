import { systemClock } from '../../../src/base/clock'
import { silentLog } from '../../../src/base/log'
import { LinuxSource } from '../../../src/ports/linuxSource'
import { PortWatcher } from '../../../src/ports/watcher'
import { setTimeout as sleep } from 'node:timers/promises'
import { Scope } from '../../support/scope'
import { startIdleProcesses } from './idleProcesses'
import { cpuMsSpentBy } from './ownCpu'
import { PortOpener } from './portOpener'
import { findPortsAsVsCode } from './vsCodesWay'

/**
 * What happened since the last look: a program was started and opened a port; one that had been running for long
 * opened its first; the same, but it closed a file too, so that the number of its descriptors tells nothing.
 */
export const allChanges = ['new program', 'old program', 'old program with as many files'] as const
export type Change = (typeof allChanges)[number]

/** What finding the listening ports costs among `count` idle processes, in CPU milliseconds. Linux only. */
export class PortsCost {
  private constructor(
    private readonly scope: Scope,
    private readonly old: PortOpener,
  ) {}

  static async among(scope: Scope, count: number): Promise<PortsCost> {
    const old = await PortOpener.start(scope)
    await startIdleProcesses(scope, count)
    return new PortsCost(scope, old)
  }

  /** Of one look at which nothing has changed. */
  async ofOurTick(): Promise<number> {
    const watcher = await this.polling()
    try {
      let total = 0
      for (let tick = 0; tick < TICKS; tick++) {
        // Right after the last one it would find everything in the CPU's caches.
        await sleep(5)
        total += await cpuMsSpentBy(() => watcher.refresh())
      }
      return total / TICKS
    } finally {
      watcher.dispose()
    }
  }

  /** Of the look after a change. */
  async ofOurChange(change: Change): Promise<number> {
    const watcher = await this.polling()
    const inner = new Scope()
    try {
      const opener = change === 'new program' ? await PortOpener.start(inner) : this.old
      const port = await opener.open(change === 'old program with as many files' ? 'as many' : 'one more')
      const spent = await cpuMsSpentBy(() => watcher.refresh())
      const found = watcher.ports.find((listening) => listening.port === port)
      if (found?.process === undefined) throw new Error(`the watcher did not find who opened port ${port}`)
      await opener.close()
      return spent
    } finally {
      watcher.dispose()
      await inner.close()
    }
  }

  /** Of one look of VS Code's kind, which is the same whether anything has changed or not. */
  async ofVsCodesTick(): Promise<number> {
    const spent = await cpuMsSpentBy(async () => {
      for (let tick = 0; tick < THEIR_TICKS; tick++) await findPortsAsVsCode()
    })
    return spent / THEIR_TICKS
  }

  /** A watcher in its stride, with its bookmarks in the tables. */
  private async polling(): Promise<PortWatcher> {
    const watcher = new PortWatcher({
      source: new LinuxSource(silentLog),
      clock: systemClock,
      log: silentLog,
    })
    this.scope.add(() => watcher.dispose())
    for (let look = 0; look < 4; look++) {
      await watcher.refresh()
      await sleep(50)
    }
    return watcher
  }
}

const TICKS = 40
const THEIR_TICKS = 2
