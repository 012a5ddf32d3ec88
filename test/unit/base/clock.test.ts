import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { delay, systemClock } from '../../../src/base/clock'
import { FakeClock } from '../../support/fakeClock'

describe('delay', () => {
  let clock: FakeClock
  beforeEach(() => (clock = new FakeClock()))

  it('resolves when its time has come, not before', async () => {
    let done = false
    const waiting = delay(clock, 1000).then(() => (done = true))
    await clock.advance(999)
    assert.equal(done, false)
    await clock.advance(1)
    assert.equal(done, true)
    await waiting
  })

  it('rejects with the reason of the abort and leaves neither timer nor listener', async () => {
    const abort = new AbortController()
    const waiting = delay(clock, 1000, abort.signal)
    const reason = new Error('enough')
    abort.abort(reason)
    await assert.rejects(waiting, reason)
    assert.deepEqual(clock.pending, [])
    assert.deepEqual(getEventListeners(abort.signal, 'abort'), [])
  })

  it('rejects at once for a signal that was aborted before, and sets no timer', async () => {
    await assert.rejects(delay(clock, 1000, AbortSignal.abort(new Error('before'))), /before/)
    assert.deepEqual(clock.pending, [])
  })

  it('leaves no listener on the signal when it resolves', async () => {
    const abort = new AbortController()
    const waiting = delay(clock, 5, abort.signal)
    await clock.advance(5)
    await waiting
    assert.deepEqual(getEventListeners(abort.signal, 'abort'), [])
    abort.abort()
  })
})

describe('systemClock', () => {
  it('calls back, and not after it was cancelled', async () => {
    const called: string[] = []
    systemClock.after(1, () => called.push('cancelled')).dispose()
    await new Promise<void>((resolve) =>
      systemClock.after(2, () => {
        called.push('kept')
        resolve()
      }),
    )
    assert.deepEqual(called, ['kept'])
  })

  it('counts milliseconds since the epoch', () => {
    assert.ok(Math.abs(systemClock.now() - Date.now()) < 60_000)
  })
})
