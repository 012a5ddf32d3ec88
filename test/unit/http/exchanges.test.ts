import assert from 'node:assert/strict'
import type { CapturedExchange } from '../../../src/http/capturedExchange'
import { Exchanges, usualLimits, type ExchangesChange } from '../../../src/http/exchanges'

function exchange(changes: Partial<CapturedExchange> = {}, bodyBytes = 0): Omit<CapturedExchange, 'id'> {
  return {
    ...{ tunnelId: 1, source: { kind: 'visitor' }, at: 0, visitorAddress: '', protocol: 'HTTP/1.1' },
    request: {
      ...{ method: 'POST', target: '/', host: 'x', fields: [], trailers: [] },
      body: { bytes: new Uint8Array(bodyBytes), size: bodyBytes },
    },
    ...{ response: undefined, state: 'open', firstByteMs: undefined, endMs: undefined },
    ...{ note: undefined, webSocket: undefined },
    ...changes,
  }
}

function store(limits = usualLimits): { exchanges: Exchanges; changes: string[] } {
  const exchanges = new Exchanges(() => limits)
  const changes: string[] = []
  const textOf = (change: ExchangesChange) =>
    'exchange' in change ? change.exchange.id : 'ids' in change ? change.ids.join(',') : ''
  exchanges.onDidChange((change) => changes.push(`${change.kind} ${textOf(change)}`.trim()))
  return { exchanges, changes }
}

const idsOf = (exchanges: Exchanges) => exchanges.all.map(({ id }) => id)

describe('Exchanges', () => {
  it('lets the oldest give way when there are too many, and tells', () => {
    const { exchanges, changes } = store({ ...usualLimits, mostExchanges: 2 })
    for (let count = 0; count < 4; count++) exchanges.add(exchange())
    assert.deepEqual([idsOf(exchanges), exchanges.leftOut], [[3, 4], 2])
    assert.deepEqual(changes, ['added 1', 'added 2', 'added 3', 'removed 1', 'added 4', 'removed 2'])
  })

  it('lets the oldest give way when they take too much memory, also by growing', () => {
    const { exchanges, changes } = store({ ...usualLimits, mostBytes: 30_000 })
    const [first, second, third] = [1, 2, 3].map(() => exchanges.add(exchange({}, 5000)))
    assert.equal(exchanges.all.length, 3)
    assert.ok(exchanges.size > 15_000 && exchanges.size < 25_000)
    exchanges.update({ ...exchange({}, 20_000), id: third?.id ?? 0 })
    assert.deepEqual(idsOf(exchanges), [second?.id, third?.id])
    assert.deepEqual(changes.slice(-2), ['updated 3', `removed ${first?.id}`])
    // One that has given way does not come back.
    exchanges.update({ ...exchange(), id: first?.id ?? 0 })
    assert.equal(exchanges.get(1), undefined)
  })

  it('shows one that has only begun as it is when somebody looks', () => {
    const { exchanges, changes } = store({ ...usualLimits, mostExchanges: 2 })
    let note = 'first'
    const growing = {
      id: 0,
      get now(): CapturedExchange {
        return { ...exchange({ note }), id: this.id }
      },
    }
    exchanges.add(exchange())
    exchanges.begin(growing)
    assert.deepEqual([growing.id, exchanges.get(2)?.note], [2, 'first'])
    note = 'second'
    assert.deepEqual([exchanges.get(2)?.note, exchanges.all.at(-1)?.note], ['second', 'second'])
    exchanges.update(growing.now)
    note = 'third'
    assert.equal(exchanges.get(2)?.note, 'second')
    for (let count = 0; count < 2; count++) exchanges.add(exchange())
    assert.equal(exchanges.has(2), false)
    assert.deepEqual(changes.slice(0, 3), ['added 1', 'added 2', 'updated 2'])
  })

  it('counts everything that grows, and as much less when it goes', () => {
    const { exchanges } = store()
    const empty = exchanges.add(exchange())
    const sizeOfEmpty = exchanges.size
    const field = ['x'.repeat(500), 'y'.repeat(500)] as const
    const body = { bytes: new Uint8Array(1000), size: 1000 }
    const response = { status: 200, reason: '', fields: [], body: { bytes: new Uint8Array(0), size: 0 } }
    const whole = { ...response, trailers: [], isOurs: false, informed: [] }
    const bigger: Partial<CapturedExchange>[] = [
      { request: { ...empty.request, target: `/${'x'.repeat(1000)}` } },
      { request: { ...empty.request, fields: [field] } },
      { request: { ...empty.request, trailers: [field] } },
      { request: { ...empty.request, body } },
      { response: { ...whole, body } },
      { response: { ...whole, fields: [field] } },
      { response: { ...whole, trailers: [field] } },
      { response: { ...whole, informed: [{ status: 103, fields: [field] }] } },
      { webSocket: { messages: [{ from: 'app', kind: 'text', at: 0, body }], cut: 0 } },
    ]
    for (const changes of bigger) {
      exchanges.update({ ...exchange(changes), id: empty.id })
      assert.ok(exchanges.size >= sizeOfEmpty + 1000, JSON.stringify(changes).slice(0, 80))
      exchanges.update(empty)
      assert.equal(exchanges.size, sizeOfEmpty)
    }
    // A body that still grows is a view of more memory than it shows.
    const view = { bytes: new Uint8Array(5000).subarray(0, 100), size: 100 }
    exchanges.update({ ...exchange({ request: { ...empty.request, body: view } }), id: empty.id })
    assert.equal(exchanges.size, sizeOfEmpty + 5000)
    exchanges.clear()
    assert.equal(exchanges.size, 0)
  })

  it('is cleared as a whole or for one tunnel', () => {
    const { exchanges, changes } = store()
    for (const tunnelId of [1, 2, 1]) exchanges.add(exchange({ tunnelId }))
    exchanges.clear(1)
    assert.deepEqual([idsOf(exchanges), changes.at(-1)], [[2], 'removed 1,3'])
    exchanges.clear()
    assert.deepEqual([idsOf(exchanges), exchanges.leftOut], [[], 0])
  })

  it('takes nothing new while it is paused or turned off, and says so', () => {
    let isOn = true
    const exchanges = new Exchanges(() => ({ ...usualLimits, isOn }))
    let told = 0
    exchanges.onDidChange(() => told++)
    assert.equal(exchanges.takesNew, true)
    exchanges.isPaused = true
    exchanges.isPaused = true
    assert.deepEqual([exchanges.takesNew, told], [false, 1])
    exchanges.isPaused = false
    isOn = false
    assert.equal(exchanges.takesNew, false)
  })
})
