import assert from 'node:assert/strict'
import { Cancelled } from '../../../src/base/failure'
import { SharedTask } from '../../../src/tls/sharedTask'

describe('a shared task', () => {
  const never = new AbortController().signal
  let runs: { signal: AbortSignal; end: () => void; fail: (error: Error) => void }[]
  let task: SharedTask

  beforeEach(() => {
    runs = []
    task = new SharedTask((signal) => new Promise((end, fail) => void runs.push({ signal, end, fail })))
  })

  it('runs once for all who join, and anew when it has ended', async () => {
    const joined = [task.join(never), task.join(never)]
    assert.equal(runs.length, 1)
    runs[0]!.end()
    await Promise.all(joined)
    const again = task.join(never)
    assert.equal(runs.length, 2)
    runs[1]!.end()
    await again
  })

  it('fails for all, and runs anew', async () => {
    const joined = [task.join(never), task.join(never)]
    runs[0]!.fail(new Error('broken'))
    for (const one of joined) await assert.rejects(one, /broken/)
    void task.join(never)
    assert.equal(runs.length, 2)
  })

  it('goes on while one of them waits', async () => {
    const leaver = new AbortController()
    const left = task.join(leaver.signal)
    const stays = task.join(never)
    leaver.abort()
    await assert.rejects(left, Cancelled)
    assert.equal(runs[0]!.signal.aborted, false)
    runs[0]!.end()
    await stays
  })

  it('is stopped when nobody waits any more, and is not joined after that', async () => {
    const leaver = new AbortController()
    const left = task.join(leaver.signal)
    leaver.abort()
    await assert.rejects(left, Cancelled)
    assert.equal(runs[0]!.signal.aborted, true)
    const next = task.join(never)
    assert.equal(runs.length, 2)
    runs[0]!.fail(new Error('late'))
    runs[1]!.end()
    await next
  })

  it('does not begin for one who has left', async () => {
    await assert.rejects(task.join(AbortSignal.abort()), Cancelled)
    assert.equal(runs.length, 0)
  })
})
