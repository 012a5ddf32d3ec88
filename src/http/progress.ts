import type { Readable } from 'node:stream'
import { seeReads } from '../base/taps'

/** What an answer is written to. */
export interface Outlet {
  readonly writableNeedDrain: boolean
  readonly writableEnded: boolean
  readonly writableFinished: boolean
  on(event: 'drain', listener: () => void): unknown
}

/** How far the two bodies of an exchange have come, as far as that is up to the visitor. */
export class Progress {
  private awaitsContinue: boolean
  private hasCome = true
  private untaken: 'nothing' | 'a part' | 'the last part' = 'nothing'

  /**
   * `body`: undefined where there is none. `expect`: that field of the request, which announces a body that is sent when told so
   * (RFC 9110 10.1.1).
   */
  constructor(
    private readonly body: Readable | undefined,
    private readonly out: Outlet,
    expect: string | undefined,
  ) {
    this.awaitsContinue = expect !== undefined
    if (body !== undefined)
      seeReads(body, () => {
        this.hasCome = true
        this.awaitsContinue = false
      })
    out.on('drain', () => (this.untaken = 'nothing'))
  }

  /** The visitor has been told to send the body. */
  onContinue(): void {
    this.awaitsContinue = false
  }

  /**
   * Whether the visitor has kept us waiting since this was last asked: the body did not go on, though it is wanted
   * and no answer has begun, or what is written to them was not taken.
   */
  isStalled({ hasAnswerBegun }: { hasAnswerBegun: boolean }): boolean {
    const maySayNothing = hasAnswerBegun || this.awaitsContinue || !isWanted(this.body)
    const sendsNothing = !maySayNothing && !this.hasCome
    const before = this.untaken
    const untaken = untakenOf(this.out)
    this.hasCome = maySayNothing
    this.untaken = untaken
    return sendsNothing || (untaken !== 'nothing' && untaken === before)
  }
}

/** While it is paused, the app is the one that takes nothing. */
function isWanted(body: Readable | undefined): boolean {
  if (body === undefined || body.readableEnded || body.destroyed) return false
  const isAskedFor = body.listenerCount('readable') > 0 && body.readableLength === 0
  return body.readableFlowing === true || isAskedFor
}

/** No more than a buffer of it, since who writes an answer waits for 'drain'. */
function untakenOf(out: Outlet): 'nothing' | 'a part' | 'the last part' {
  if (out.writableEnded) return out.writableFinished ? 'nothing' : 'the last part'
  return out.writableNeedDrain ? 'a part' : 'nothing'
}
