import assert from 'node:assert/strict'
import { NetworkWatch } from '../../../src/ssh/networkWatch'
import { FakeClock } from '../../support/fakeClock'

describe('NetworkWatch', () => {
  const lo = { address: '127.0.0.1', internal: true }
  const wire = { address: '203.0.113.9', internal: false }
  const wifi = { address: '192.0.2.7', internal: false }

  function setUp() {
    const fake = new FakeClock()
    const world = {
      slept: 0,
      interfaces: { lo: [lo], wlan0: [wifi], eth0: [wire] } as Record<string, (typeof lo)[]>,
      looks: 0,
    }
    const watch = new NetworkWatch({
      clock: { now: () => fake.now() + world.slept, after: (ms, call) => fake.after(ms, call) },
      interfaces: () => {
        world.looks += 1
        return world.interfaces
      },
    })
    const events: string[] = []
    watch.onDidChange((event) => events.push(event))
    return { fake, world, watch, events }
  }

  it('says nothing while nothing happens', async () => {
    const { fake, watch, events } = setUp()
    const hold = watch.hold()
    await fake.advance(600_000)
    assert.deepEqual(events, [])
    hold.dispose()
  })

  it('looks only while somebody holds it', async () => {
    const { fake, world, watch } = setUp()
    await fake.advance(60_000)
    assert.equal(world.looks, 0)
    const holds = [watch.hold(), watch.hold()]
    holds[0]?.dispose()
    holds[0]?.dispose()
    await fake.advance(60_000)
    const { looks } = world
    assert.notEqual(looks, 1, 'it looks again')
    holds[1]?.dispose()
    assert.deepEqual(fake.pending, [])
    await fake.advance(60_000)
    assert.equal(world.looks, looks)
  })

  it('notices a sleep by a clock that jumped while the timers stood still', async () => {
    const { fake, world, watch, events } = setUp()
    const hold = watch.hold()
    await fake.advance(10_000)
    world.slept += 8 * 3_600_000
    await fake.advance(3000)
    assert.deepEqual(events, ['woke from sleep'])
    await fake.advance(60_000)
    assert.deepEqual(events, ['woke from sleep'])
    hold.dispose()
  })

  it('takes neither a late timer nor a clock that is set back for a sleep', async () => {
    const { fake, world, watch, events } = setUp()
    const hold = watch.hold()
    world.slept += 2000
    await fake.advance(6000)
    world.slept -= 3_600_000
    await fake.advance(6000)
    assert.deepEqual(events, [])
    hold.dispose()
  })

  const rows: [what: string, interfaces: Record<string, (typeof lo)[]>, expected: string[]][] = [
    ['another address', { wlan0: [{ ...wifi, address: '198.51.100.4' }], eth0: [wire] }, ['network changed']],
    ['one network less', { eth0: [wire] }, ['network changed']],
    ['no network', {}, ['network changed']],
    [
      'one more network',
      { wlan0: [wifi], eth0: [wire], tun0: [{ ...wifi, address: '10.8.0.2' }] },
      ['network changed'],
    ],
    ['another order', { eth0: [wire], wlan0: [wifi] }, []],
    ['another loopback address', { lo: [{ ...lo, address: '127.0.0.2' }], wlan0: [wifi], eth0: [wire] }, []],
    ['an address of one link', { wlan0: [wifi], eth0: [wire], veth1: [{ ...wifi, address: 'fe80::1' }] }, []],
  ]
  for (const [what, interfaces, expected] of rows) {
    it(`${what}: ${expected.length === 0 ? 'nothing' : 'tells once'}`, async () => {
      const { fake, world, watch, events } = setUp()
      const hold = watch.hold()
      await fake.advance(3000)
      world.interfaces = interfaces
      await fake.advance(60_000)
      assert.deepEqual(events, expected)
      hold.dispose()
    })
  }

  it('goes on when the list of interfaces is refused', async () => {
    const { fake, watch, events } = setUp()
    const refused = new NetworkWatch({
      clock: fake,
      interfaces: () => {
        throw new Error('EPERM')
      },
    })
    for (const one of [watch, refused]) one.hold()
    await fake.advance(60_000)
    assert.deepEqual(events, [])
  })
})
