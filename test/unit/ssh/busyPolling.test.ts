import assert from 'node:assert/strict'
import { BusyPolling } from '../../../src/ssh/busyPolling'

describe('BusyPolling', () => {
  function setUp({ roundTripMs }: { roundTripMs: number | undefined } = { roundTripMs: 0.2 }) {
    let nowMs = 1000
    const turns: (() => void)[] = []
    const polling = new BusyPolling({ roundTripMs, now: () => nowMs }, (then) => turns.push(then))
    const pass = (ms: number) => void (nowMs += ms)
    /** Whether one more turn of the event loop was asked for, which then comes. */
    const turn = () => {
      const [then, ...others] = turns.splice(0)
      assert.deepEqual(others, [], 'one turn at a time')
      then?.()
      return then !== undefined
    }
    return { polling, pass, turn }
  }

  it('sleeps after what came alone', () => {
    const { polling, pass, turn } = setUp()
    for (let times = 0; times < 5; times++) {
      polling.expectMore()
      assert.equal(turn(), false)
      pass(1)
    }
  })

  it('looks for more for a moment where two followed each other closely, and then sleeps', () => {
    const { polling, pass, turn } = setUp()
    polling.expectMore()
    pass(0.1)
    polling.expectMore()
    for (const passed of [0, 0.1, 0.19]) {
      pass(passed)
      assert.equal(turn(), true)
    }
    pass(0.02)
    assert.equal(turn(), true, 'the turn that was asked for before')
    assert.equal(turn(), false)
    pass(10)
    assert.equal(turn(), false)
  })

  it('goes on while they follow each other closely, one turn at a time', () => {
    const { polling, pass, turn } = setUp()
    polling.expectMore()
    for (let times = 0; times < 100; times++) {
      pass(0.2)
      polling.expectMore()
      assert.equal(turn(), true)
    }
  })

  it('begins again where each comes a little late, as they do while it sleeps', () => {
    const { polling, pass, turn } = setUp()
    for (let times = 0; times < 5; times++) {
      polling.expectMore()
      assert.equal(turn(), times > 0)
      pass(0.5)
      assert.equal(turn(), times > 0, 'the turn that was asked for before')
      assert.equal(turn(), false)
    }
  })

  it('begins again at the next burst', () => {
    const { polling, pass, turn } = setUp()
    for (let burst = 0; burst < 3; burst++) {
      polling.expectMore()
      assert.equal(turn(), false)
      polling.expectMore()
      assert.equal(turn(), true)
      pass(1)
      assert.equal(turn(), true)
      assert.equal(turn(), false)
    }
  })

  for (const [where, roundTripMs] of [
    ['over a long path', 1.1],
    ['while nobody knows how long the path is', undefined],
  ] as const) {
    it(`sleeps ${where}`, () => {
      const { polling, turn } = setUp({ roundTripMs })
      for (let times = 0; times < 5; times++) {
        polling.expectMore()
        assert.equal(turn(), false)
      }
    })
  }

  it('sleeps once it is told that nobody waits, and while bulk comes in between', () => {
    const { polling, turn } = setUp()
    polling.expectMore()
    polling.expectMore()
    polling.relax()
    assert.equal(turn(), true, 'the turn that was asked for before')
    for (let times = 0; times < 5; times++) {
      polling.expectMore()
      assert.equal(turn(), false)
      polling.relax()
    }
  })
})
