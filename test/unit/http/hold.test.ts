import assert from 'node:assert/strict'
import { duplexPair, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Field } from '../../../src/http/field'
import { HeldQueue } from '../../../src/http/heldQueue'
import { longestHeldBody, mayBeHeld } from '../../../src/http/hold'
import { readBody } from '../../../src/http/readBody'

describe('mayBeHeld', () => {
  const lengthOf = (bytes: number): readonly Field[] => [['Content-Length', String(bytes)]]
  type Row = [
    what: string,
    request: { method?: string; target?: string; fields?: readonly Field[]; upgrade?: string },
    paths: readonly string[],
    isRight: boolean,
  ]
  const rows: Row[] = [
    ['a POST', {}, [], true],
    ['a PUT', { method: 'PUT' }, [], true],
    ['a PATCH', { method: 'PATCH' }, [], true],
    ['a DELETE', { method: 'DELETE' }, [], true],
    ['a GET', { method: 'GET' }, [], false],
    ['a HEAD', { method: 'HEAD' }, [], false],
    ['an OPTIONS', { method: 'OPTIONS' }, [], false],
    ['a method in small letters', { method: 'post' }, [], false],
    ['a method nobody knows', { method: 'PROPFIND' }, [], false],
    ['an upgrade', { upgrade: 'websocket' }, [], false],
    ['the longest body', { fields: lengthOf(longestHeldBody) }, [], true],
    ['a longer body', { fields: lengthOf(longestHeldBody + 1) }, [], false],
    ['a path itself', { target: '/hook' }, ['/a', '/hook'], true],
    ['a path with a query', { target: '/hook?x=/a' }, ['/hook'], true],
    ['what is below a path', { target: '/hook/github' }, ['/hook'], false],
    ['what is below a path with a star', { target: '/hook/git/hub' }, ['/hook/*'], true],
    ['a path itself where what is below is meant', { target: '/hook' }, ['/hook/*'], false],
    ['a path that only begins alike', { target: '/hooks' }, ['/hook'], false],
    ['another path', { target: '/?/hook' }, ['/hook'], false],
    ['any path below /', { target: '/x' }, ['/*'], true],
  ]
  for (const [what, { method = 'POST', target = '/', fields = [], upgrade }, paths, isRight] of rows) {
    it(`${isRight ? 'takes' : 'leaves'} ${what}`, () =>
      assert.equal(mayBeHeld({ method, target, fields, upgrade }, { paths }), isRight))
  }
})

describe('HeldQueue', () => {
  const one = (number: number, since = 0, forMs = 1000) => ({ number, since, forMs })

  it('keeps the order in which requests came, whatever the order in which they were added', () => {
    const queue = new HeldQueue<ReturnType<typeof one>>()
    for (const number of [3, 1, 2, 5, 4]) assert.equal(queue.add(one(number), { atMost: 9 }), true)
    const order: number[] = []
    for (let { first } = queue; first !== undefined; { first } = queue) {
      order.push(first.number)
      queue.remove(first)
    }
    assert.deepEqual(order, [1, 2, 3, 4, 5])
  })

  it('takes no more than there is room for', () => {
    const queue = new HeldQueue<ReturnType<typeof one>>()
    const added = [1, 2, 3].map((number) => queue.add(one(number), { atMost: 2 }))
    assert.deepEqual([added, queue.count, queue.first?.number], [[true, true, false], 2, 1])
  })

  it('gives up those that are too old, each by its own time', () => {
    const queue = new HeldQueue<ReturnType<typeof one>>()
    queue.add(one(1, 0, 5000), { atMost: 9 })
    queue.add(one(2, 100, 1000), { atMost: 9 })
    queue.add(one(3, 101, 1000), { atMost: 9 })
    const numbers = (list: readonly { number: number }[]) => list.map(({ number }) => number)
    assert.deepEqual(numbers(queue.takeOld(1099)), [])
    assert.deepEqual([numbers(queue.takeOld(1100)), numbers(queue.all)], [[2], [1, 3]])
  })
})

describe('readBody', () => {
  const pieces = ['one', '', 'two', 'three'].map((text) => Buffer.from(text))
  const bodyOf = () => Readable.from(pieces, { objectMode: false })
  const whole = Buffer.concat(pieces)

  it('gives all of it', async () => {
    assert.deepEqual(await readBody(bodyOf(), () => true), whole)
  })

  for (const most of [0, 3, 6, 10]) {
    it(`gives it back from its beginning when more than ${most} bytes are too many`, async () => {
      let taken = 0
      const again = await readBody(bodyOf(), (bytes) => (taken += bytes) <= most)
      assert.ok(again instanceof Readable)
      assert.deepEqual(await buffer(again), whole)
    })
  }

  it('leaves a stream alone that can still be written to', async () => {
    const [stream, other] = duplexPair()
    other.end('body')
    assert.deepEqual(await readBody(stream, () => true), Buffer.from('body'))
    assert.equal(stream.destroyed, false)
  })

  it('fails when the body breaks off', async () => {
    const body = new Readable({ read: () => undefined })
    body.push('half')
    const reading = readBody(body, () => true)
    body.destroy()
    await assert.rejects(reading)
  })
})
