import assert from 'node:assert/strict'
import { InFlight } from '../../../src/ssh/inFlight'

const KiB = 1024
/** sshd says that bytes came when it is more than three packets of 32 KiB. */
const leastToHear = 3 * 32 * KiB

function setUp(roundTripMs: number | undefined = 1.234_567, peerSoftware = 'SSH-2.0-OpenSSH_9.2p1 Debian-2') {
  const path = { roundTripMs, time: 5000.123, now: () => path.time }
  const inFlight = new InFlight(path, peerSoftware)
  // Of two, so that it is shared.
  for (const sender of [{}, {}]) inFlight.sent(sender, 0, 0)
  return { path, inFlight }
}

describe('InFlight', () => {
  const uncapped: [what: string, roundTripMs: number | undefined, peer: string][] = [
    ['before the round trip is known', undefined, 'SSH-2.0-OpenSSH_9.2p1'],
    ['to Dropbear', 1, 'SSH-2.0-dropbear_2022.83'],
    ['to a server of Go’s', 1, 'SSH-2.0-Go'],
    ['to whoever says nothing', 1, ''],
  ]
  for (const [what, roundTripMs, peer] of uncapped) {
    it(`bounds nothing ${what}`, () => {
      const path = { roundTripMs, now: () => 0 }
      const inFlight = new InFlight(path, peer)
      inFlight.sent({}, 0, 100_000 * KiB)
      assert.equal(inFlight.room(100_000 * KiB), Infinity)
    })
  }

  for (const peer of ['SSH-2.0-OpenSSH_9.2p1', 'SSH-2.0-OpenSSH_for_Windows_8.1', 'SSH-1.99-OpenSSH_5.3']) {
    it(`bounds what is under way to ${peer}`, () => {
      const { inFlight } = setUp(1, peer)
      const room = inFlight.room(0)
      assert.ok(room < Infinity)
      inFlight.sent({}, 0, room)
      assert.ok(inFlight.room(room) <= 0)
    })
  }

  it('leaves more room over a longer path', () => {
    const [near, far] = [setUp(1).inFlight.room(0), setUp(100).inFlight.room(0)]
    assert.ok(far - near >= 99 * 1_000_000)
  })

  it('gives room back when it is heard that something came', () => {
    const { inFlight } = setUp()
    const [room, sender] = [inFlight.room(0), {}]
    inFlight.sent(sender, 0, room)
    const taken = inFlight.room(room)
    inFlight.arrived(room, room - 100 * KiB)
    assert.equal(inFlight.room(room - 100 * KiB) - taken, 100 * KiB)
  })

  it('leaves each channel 128 KiB, however much the others have under way: else none of it is ever heard of', () => {
    const { inFlight } = setUp()
    inFlight.sent({}, 0, 1_000_000 * KiB)
    for (const [underWay, least] of [
      [0, 128 * KiB],
      [leastToHear, 32 * KiB],
      [128 * KiB - 1, 1],
    ] as const) {
      assert.ok(inFlight.room(underWay) >= least, `${underWay} under way`)
    }
    assert.ok(inFlight.room(128 * KiB) <= 0)
  })

  it('keeps room for others, however many were here and told of nothing more', () => {
    const { inFlight } = setUp()
    const room = inFlight.room(0)
    for (let count = 0; count < 1000; count++) inFlight.sent({}, 0, leastToHear)
    const sharing = inFlight.room(0)
    assert.ok(sharing > 128 * KiB && sharing <= room, `${sharing} of ${room}`)
  })

  it('bounds nobody who sends alone, until another does', () => {
    const { path } = setUp()
    const inFlight = new InFlight(path, 'SSH-2.0-OpenSSH_9.2p1')
    const [one, two] = [{}, {}]
    assert.equal(inFlight.room(0), Infinity)
    for (let count = 0; count < 3; count++) {
      inFlight.sent(one, 0, 100_000 * KiB)
      assert.equal(inFlight.room(100_000 * KiB), Infinity)
      path.time += 10
    }
    inFlight.sent(two, 0, KiB)
    assert.ok(inFlight.room(100_000 * KiB) <= 0)
    assert.ok(inFlight.room(KiB) < Infinity)
  })

  it('bounds nobody any more when one has sent alone for a while', () => {
    const { inFlight, path } = setUp()
    for (let count = 0; count < 10; count++) {
      assert.ok(inFlight.room(0) < Infinity, `${count * 10} ms later`)
      path.time += 10
    }
    path.time += 1000
    assert.equal(inFlight.room(0), Infinity)
  })

  it('takes one that comes when all is quiet for one that sends alone', () => {
    const { inFlight, path } = setUp()
    path.time += 1000
    inFlight.sent({}, 0, 0)
    assert.equal(inFlight.room(0), Infinity)
    inFlight.sent({}, 0, 0)
    assert.ok(inFlight.room(0) < Infinity)
  })

  it('counts whole bytes, however long the path is', () => {
    for (const roundTripMs of [0, 0.001, 0.123_456_789, Math.PI, 1e-9, 250.7]) {
      const { inFlight } = setUp(roundTripMs)
      for (const underWay of [0, 1, 99_999, 10_000_000]) {
        const room = inFlight.room(underWay)
        assert.ok(Number.isSafeInteger(room), `${room} at ${roundTripMs} ms`)
      }
    }
  })
})
