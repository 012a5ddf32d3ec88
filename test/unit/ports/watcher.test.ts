import assert from 'node:assert/strict'
import { Cancelled } from '../../../src/base/failure'
import { silentLog } from '../../../src/base/log'
import type { ListeningPort, PortSource } from '../../../src/ports/listeningPort'
import { PortWatcher, type PortChange } from '../../../src/ports/watcher'
import { FakeClock } from '../../support/fakeClock'

const port = (number: number, pid = 1): ListeningPort => ({
  port: number,
  addresses: ['127.0.0.1'],
  process: { pid, name: 'app' },
})

/** A machine whose ports the test opens and closes; a look takes `lookMs`, or until released. */
class FakeSource implements PortSource {
  listening: ListeningPort[] = []
  looks = 0
  lookMs = 0
  failure: Error | undefined
  disposed = false
  gate: Promise<void> | undefined

  constructor(private readonly clock: FakeClock) {}

  async list(): Promise<readonly ListeningPort[]> {
    this.looks += 1
    const seen = [...this.listening]
    await this.gate
    if (this.lookMs > 0) await new Promise<void>((resolve) => this.clock.after(this.lookMs, resolve))
    if (this.failure) throw this.failure
    return seen
  }

  /** Looks wait until the result is called. */
  close(): () => void {
    let open: () => void = () => undefined
    this.gate = new Promise((resolve) => (open = resolve))
    return () => open()
  }

  dispose(): void {
    this.disposed = true
  }
}

function setUp(): {
  clock: FakeClock
  source: FakeSource
  watcher: PortWatcher
  changes: PortChange[]
  warnings: string[]
} {
  const clock = new FakeClock()
  const source = new FakeSource(clock)
  const warnings: string[] = []
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) }
  const watcher = new PortWatcher({ source, clock, log })
  const changes: PortChange[] = []
  watcher.onDidChange((change) => changes.push(change))
  return { clock, source, watcher, changes, warnings }
}

describe('PortWatcher', () => {
  it('looks only while it is held', async () => {
    const { clock, source, watcher } = setUp()
    await clock.advance(60_000)
    assert.equal(source.looks, 0)

    const first = watcher.hold()
    const second = watcher.hold()
    await clock.advance(3000)
    assert.equal(source.looks, 4)

    first.dispose()
    first.dispose()
    await clock.advance(1000)
    assert.equal(source.looks, 5)

    second.dispose()
    await clock.advance(60_000)
    assert.equal(source.looks, 5)
    assert.deepEqual(clock.pending, [])
  })

  it('tells what opened and what closed', async () => {
    const { clock, source, watcher, changes } = setUp()
    watcher.hold()
    source.listening = [port(3000), port(4000)]
    await clock.advance(1000)
    source.listening = [port(4000), port(5000)]
    await clock.advance(1000)
    await clock.advance(5000)
    assert.deepEqual(changes, [
      { opened: [port(3000), port(4000)], closed: [], ports: [port(3000), port(4000)] },
      { opened: [port(5000)], closed: [port(3000)], ports: [port(4000), port(5000)] },
    ])
    assert.deepEqual(watcher.ports, [port(4000), port(5000)])
  })

  it('tells of a port that another process took over as changed, neither opened nor closed', async () => {
    const { source, watcher, changes } = setUp()
    source.listening = [port(3000, 1)]
    await watcher.refresh()
    source.listening = [port(3000, 2)]
    await watcher.refresh()
    assert.deepEqual(changes.at(-1), { opened: [], closed: [], ports: [port(3000, 2)] })
    assert.equal(changes.length, 2)
  })

  it('slows down while the window is unfocused and looks at once when it is focused again', async () => {
    const { clock, source, watcher } = setUp()
    watcher.hold()
    await clock.advance(0)
    watcher.focused = false
    await clock.advance(9999)
    assert.equal(source.looks, 1)
    await clock.advance(1)
    assert.equal(source.looks, 2)
    watcher.focused = true
    await clock.advance(0)
    assert.equal(source.looks, 3)
    await clock.advance(1000)
    assert.equal(source.looks, 4)
  })

  it('rests longer where a look takes long, within limits', async () => {
    for (const [lookMs, rest] of [
      [10, 1000],
      [100, 2000],
      [1500, 5000],
    ] as const) {
      const { clock, source, watcher } = setUp()
      source.lookMs = lookMs
      watcher.hold()
      await clock.advance(lookMs)
      assert.deepEqual(clock.pending, [rest])
      watcher.dispose()
    }
  })

  it('answers a refresh with a look that began after it was asked, shared by all who ask meanwhile', async () => {
    const { source, watcher } = setUp()
    const release = source.close()
    const early = watcher.refresh()
    source.listening = [port(3000)]
    const late = [watcher.refresh(), watcher.refresh()]
    release()
    assert.deepEqual(await early, [])
    assert.deepEqual(await Promise.all(late), [[port(3000)], [port(3000)]])
    assert.equal(source.looks, 2)
  })

  it('keeps the ports and goes on when a look fails, and complains once', async () => {
    const { clock, source, watcher, warnings } = setUp()
    source.listening = [port(3000)]
    watcher.hold()
    await clock.advance(0)
    source.failure = new Error('lsof is gone')
    await clock.advance(5000)
    assert.deepEqual(watcher.ports, [port(3000)])
    assert.deepEqual(warnings, ['ports: Error: lsof is gone'])
    await assert.rejects(watcher.refresh(), /lsof is gone/)
    source.failure = undefined
    source.listening = []
    await clock.advance(1000)
    assert.deepEqual(watcher.ports, [])
  })

  it('says nothing and leaves nothing once it is disposed', async () => {
    const { clock, source, watcher, changes, warnings } = setUp()
    watcher.hold()
    await clock.advance(0)
    const release = source.close()
    source.listening = [port(3000)]
    const refresh = watcher.refresh()
    watcher.dispose()
    release()
    await assert.rejects(refresh, Cancelled)
    await clock.advance(60_000)
    assert.deepEqual([changes, warnings, clock.pending], [[], [], []])
    assert.ok(source.disposed)
    await assert.rejects(watcher.refresh(), Cancelled)
  })
})
