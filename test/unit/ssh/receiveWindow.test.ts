import assert from 'node:assert/strict'
import { ReceiveWindow, WindowBudget, type Path } from '../../../src/ssh/receiveWindow'

const KiB = 1024
const MiB = 1024 * KiB

/** A path whose time the test tells. */
class TestPath implements Path {
  time = 1000
  constructor(readonly roundTripMs: number | undefined = 10) {}
  now(): number {
    return this.time
  }
}

function setUp(roundTripMs?: number) {
  const path = new TestPath(roundTripMs)
  const budget = new WindowBudget()
  return { path, budget, open: () => new ReceiveWindow(budget, path) }
}

/** All that may come does, in pieces of 32 KiB, and is read at once; `ms` pass. Answers what was granted. */
function fill(window: ReceiveWindow, path: TestPath, bytes: number, ms = 0): number {
  let granted = 0
  for (let left = bytes; left > 0; left -= 32 * KiB) {
    path.time += (ms * 32 * KiB) / bytes
    assert.ok(window.take(Math.min(left, 32 * KiB)), 'it is within the window')
    granted += window.grant(0)
  }
  return granted
}

/** How much the server may send, measured by sending until it is too much. The window is of no use afterwards. */
function leftOf(window: ReceiveWindow): number {
  let left = 0
  while (window.take(1)) left += 1
  return left
}

describe('ReceiveWindow', () => {
  it('begins at 2 MiB for 32 channels and at 128 KiB for the rest, until one ends', () => {
    const { open } = setUp()
    const windows = Array.from({ length: 40 }, open)
    assert.deepEqual(
      windows.map(({ first }) => first),
      [...Array<number>(32).fill(2 * MiB), ...Array<number>(8).fill(128 * KiB)],
    )
    for (const window of windows.slice(0, 9)) window.dispose()
    assert.equal(open().first, 2 * MiB)
    assert.equal(open().first, 128 * KiB)
  })

  it('counts an end once', () => {
    const { open } = setUp()
    const windows = Array.from({ length: 33 }, open)
    for (let times = 0; times < 3; times++) windows[0]?.dispose()
    assert.equal(open().first, 128 * KiB)
  })

  for (const [what, opened] of [
    ['the first', 0],
    ['one of many', 32],
  ] as const) {
    it(`takes as much as ${what} may send, and says no at a byte more`, () => {
      const { open } = setUp()
      for (let count = 0; count < opened; count++) open()
      const window = open()
      assert.ok(window.take(window.first))
      assert.equal(window.take(1), false)
    })
  }

  it('allows again what was read, in steps of 256 KiB', () => {
    const { open } = setUp()
    const window = open()
    assert.ok(window.take(256 * KiB - 1))
    assert.equal(window.grant(0), 0)
    assert.ok(window.take(1))
    assert.equal(window.grant(0), 256 * KiB)
    assert.equal(window.grant(0), 0)
    assert.equal(leftOf(window), 2 * MiB)
  })

  it('of one of many channels in steps of a quarter', () => {
    const { open } = setUp()
    for (let count = 0; count < 32; count++) open()
    const window = open()
    assert.ok(window.take(32 * KiB - 1))
    assert.equal(window.grant(0), 0)
    assert.ok(window.take(1))
    assert.equal(window.grant(0), 32 * KiB)
  })

  it('allows nothing for what waits for the reader', () => {
    const { open } = setUp()
    const window = open()
    assert.ok(window.take(MiB))
    assert.equal(window.grant(MiB), 0)
    assert.equal(window.grant(512 * KiB), 512 * KiB)
    assert.equal(window.grant(0), 512 * KiB)
  })

  describe('doubles where about a window arrives in each round trip', () => {
    it('up to 16 MiB', () => {
      const { path, open } = setUp()
      const window = open()
      for (let trip = 0; trip < 20; trip++) fill(window, path, 16 * MiB, 10)
      assert.equal(leftOf(window), 16 * MiB)
    })

    const rows: [what: string, roundTripMs: number | undefined, bytes: number, ms: number, left: number][] = [
      ['a window in each round trip', 10, 2 * MiB, 10.1, 4 * MiB],
      ['more than three quarters of a window', 10, 2 * MiB, 13, 4 * MiB],
      ['less than three quarters of a window', 10, 2 * MiB, 14, 2 * MiB],
      ['a window in much longer', 10, 2 * MiB, 1000, 2 * MiB],
      ['a window before a round trip is over', 10, 2 * MiB, 9, 2 * MiB],
      ['a window, over a path of unknown length', undefined, 2 * MiB, 100, 2 * MiB],
    ]
    for (const [what, roundTripMs, bytes, ms, left] of rows) {
      it(`${what}: ${left / MiB} MiB`, () => {
        const path = new TestPath(10)
        Object.assign(path, { roundTripMs })
        const window = new ReceiveWindow(new WindowBudget(), path)
        fill(window, path, bytes, ms)
        assert.equal(leftOf(window), left)
      })
    }

    it('not for a reader who does not keep up', () => {
      const { path, open } = setUp()
      const window = open()
      const behind = MiB + 1
      assert.ok(window.take(behind))
      for (let turn = 0; turn < 100; turn++) {
        path.time += 2
        assert.ok(window.take(512 * KiB))
        assert.equal(window.grant(behind), 512 * KiB)
      }
      assert.equal(leftOf(window), 2 * MiB - behind)
    })
  })

  it('shrinks when the reader stalls, and grows again', () => {
    const { path, open } = setUp()
    const window = open()
    fill(window, path, 2 * MiB, 10.1)
    assert.ok(window.take(3 * MiB))
    assert.equal(window.grant(2.5 * MiB), 0, 'of 2 MiB, 2.5 wait and 1 may come')
    assert.ok(window.take(MiB))
    assert.equal(window.grant(3.5 * MiB), 0)
    assert.equal(window.grant(0), 2 * MiB)
    fill(window, path, 2 * MiB, 10.1)
    assert.equal(leftOf(window), 4 * MiB)
  })

  it('halves when a reader who was fast falls behind by more than 1 MiB', () => {
    const { path, open } = setUp()
    const grown = () => {
      const window = open()
      for (let trip = 0; trip < 3; trip++) fill(window, path, 16 * MiB, 10)
      return window
    }
    const [steady, behind] = [grown(), grown()]
    assert.ok(steady.take(10 * MiB))
    assert.equal(steady.grant(MiB), 9 * MiB)
    assert.equal(leftOf(steady), 15 * MiB, 'of 16 MiB, 1 waits')
    assert.ok(behind.take(10 * MiB))
    assert.equal(behind.grant(MiB + 1), MiB - 1)
    assert.equal(behind.grant(0), MiB + 1)
    assert.equal(leftOf(behind), 8 * MiB)
  })

  it('takes no more than 64 MiB for all that have grown, and gives it back at their end', () => {
    const { path, open } = setUp()
    const wants = (window: ReceiveWindow) => {
      for (let trip = 0; trip < 20; trip++) fill(window, path, 16 * MiB, 10)
    }
    const windows = Array.from({ length: 10 }, open)
    windows.forEach(wants)
    // The fifth got what was left of 64 MiB in doublings, and the sixth the last 2 MiB.
    assert.deepEqual(
      windows.slice(1).map((window) => leftOf(window) / MiB),
      [16, 16, 16, 8, 4, 2, 2, 2, 2],
    )
    const late = open()
    wants(late)
    windows[0]?.dispose()
    wants(late)
    assert.equal(leftOf(late), 16 * MiB)
  })
})
