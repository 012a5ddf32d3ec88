import assert from 'node:assert/strict'
import { VisibleTicks } from '../../../../src/ui/views/visibleTicks'
import { FakeClock } from '../../../support/fakeClock'

describe('the numbers of the views', () => {
  it('are asked for once a second while somebody looks at a tunnel, and otherwise no timer is set', async () => {
    const clock = new FakeClock()
    let isNeeded = false
    let count = 0
    const ticks = new VisibleTicks({ clock, isNeeded: () => isNeeded, act: () => count++ })
    const expectIdle = () => assert.deepEqual(clock.pending, [])

    isNeeded = true
    ticks.restart()
    expectIdle()
    isNeeded = false
    const looking = ticks.whileVisible()
    expectIdle()

    isNeeded = true
    ticks.restart()
    ticks.restart()
    await clock.advance(3000)
    assert.equal(count, 3)

    looking.dispose()
    expectIdle()
    ticks.whileVisible()
    await clock.advance(1000)
    assert.equal(count, 4)
    isNeeded = false
    ticks.restart()
    expectIdle()
  })
})
