import { backoffMs } from '../base/backoff'
import type { Clock } from '../base/clock'
import type { Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { PublicWay } from '../servers/profile'
import { Pause } from './pause'
import type { ExpectedNonce, PublicChecker } from './publicChecker'

/** What is checked, as it is now. */
export interface CheckSubject {
  readonly way: PublicWay
  readonly expect: () => ExpectedNonce
  /** The address the SSH server was dialled at, where visitors come to the same machine. */
  readonly server: string | undefined
}

/** Checks a tunnel's public URL until it passes. The newest check has the last word. */
export class CheckLoop {
  private readonly pause: Pause
  private number = 0

  constructor(
    private readonly options: {
      readonly checker: PublicChecker
      readonly subject: () => CheckSubject | undefined
      /** Cures a socket that the reverse proxy may not open; answers whether that changed anything. */
      readonly letProxyIn: (way: PublicWay) => Promise<boolean>
      readonly report: (check: 'running' | 'passed' | Failure) => void
      /** Whether the last report still stands, and was a failure. */
      readonly isFailing: () => boolean
      readonly clock: Clock
      readonly log: Log
    },
  ) {
    this.pause = new Pause(options.clock)
  }

  async untilItPasses(life: AbortSignal): Promise<void> {
    if (await this.check(life)) await this.again(life)
  }

  /** The network around may come back later than the connection, and a proxy may be cured: the warning goes then. */
  async again(life: AbortSignal): Promise<void> {
    for (let tries = firstCheckAgain; !life.aborted; tries++) {
      await this.pause.wait(backoffMs(tries), life)
      if (!this.options.isFailing()) return
      if (!(await this.check(life, { quietly: true }))) return
    }
  }

  /** Answers what is wrong with the public URL, if anything is; it is reported too. */
  async check(signal: AbortSignal, { quietly = false } = {}): Promise<Failure | undefined> {
    const { checker, subject, letProxyIn, report, log } = this.options
    signal.throwIfAborted()
    const checked = subject()
    if (checked === undefined) return undefined
    const { way, expect, server } = checked
    const number = ++this.number
    if (!quietly) report('running')
    const once = () => checker.check(way, { expected: expect(), server, signal })
    let failure = await once()
    if (failure?.kind === 'proxy-cannot-reach-forward' && (await letProxyIn(way))) failure = await once()
    // One that began later knows better.
    if (number !== this.number) return undefined
    if (failure) log.warn(`${failure.message} ${failure.said ?? ''}`.trimEnd())
    else log.info(`${way.publicUrl} leads here`)
    report(failure ?? 'passed')
    return failure
  }
}

/** Of `backoffMs`: the first time after two to four seconds. */
const firstCheckAgain = 3
