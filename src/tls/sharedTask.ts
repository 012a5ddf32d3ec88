import { Cancelled } from '../base/failure'

/** A task that runs once for all who want it at the time, and is stopped when none of them does any more. */
export class SharedTask {
  private running: Run | undefined

  constructor(private readonly task: (signal: AbortSignal) => Promise<void>) {}

  /** Starts the task, or joins it where it runs; rejects with Cancelled when the signal is aborted first. */
  async join(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new Cancelled()
    const run = (this.running ??= this.start())
    run.wanted += 1
    try {
      await untilAborted(run.done, signal)
    } finally {
      run.wanted -= 1
      if (run.wanted === 0) this.stop(run)
    }
  }

  private start(): Run {
    const stopped = new AbortController()
    const done = this.task(stopped.signal)
    // Those who left do not listen any more.
    done.catch(() => undefined)
    const run = { done, stopped, wanted: 0 }
    const end = () => this.forget(run)
    done.then(end, end)
    return run
  }

  private stop(run: Run): void {
    run.stopped.abort()
    this.forget(run)
  }

  private forget(run: Run): void {
    if (this.running === run) this.running = undefined
  }
}

interface Run {
  readonly done: Promise<void>
  readonly stopped: AbortController
  wanted: number
}

function untilAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new Cancelled())
    signal.addEventListener('abort', onAbort, { once: true })
    done.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
