import assert from 'node:assert/strict'
import { Emitter } from '../../../src/base/event'
import { Exchanges } from '../../../src/http/exchanges'
import type { EventLabel } from '../../../src/http/capturedExchange'
import type { ShownTunnel, ToInspector } from '../../../src/http/inspectorMessages'
import { showExchange } from '../../../src/http/showExchange'
import { InspectorSession, type Action } from '../../../src/ui/inspectorSession'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { waitUntil } from '../../support/waitUntil'
import { captured } from '../http/captured'

describe('a page of the inspector is told', () => {
  let clock: FakeClock
  let exchanges: Exchanges
  let told: ToInspector[]
  let acted: Action[]
  let tunnels: ShownTunnel[]
  let session: InspectorSession
  let log: CollectedLog
  const tunnelsChanged = new Emitter<void>()
  const labelsChanged = new Emitter<void>()
  let event: EventLabel | undefined
  const labels = { label: () => event, onDidChange: labelsChanged.event }

  beforeEach(() => {
    clock = new FakeClock()
    exchanges = new Exchanges()
    told = []
    acted = []
    tunnels = []
    event = undefined
    log = new CollectedLog()
    session = new InspectorSession({
      tell: (message) => told.push(message),
      exchanges,
      tunnels: () => tunnels,
      onDidChangeTunnels: tunnelsChanged.event,
      labels,
      show: (exchange, { secrets }) => showExchange(exchange, { secrets, original: undefined }),
      act: (action) => {
        acted.push(action)
        return Promise.resolve()
      },
      life: 'one',
      ...{ clock, log },
    })
  })
  afterEach(() => session.dispose())

  const kinds = () => told.map(({ kind }) => kind)
  const add = () => exchanges.add(captured())
  const ready = () => {
    session.receive({ kind: 'ready' })
    told.length = 0
  }

  it('nothing before it is ready, and then all there is', async () => {
    add()
    session.tell({ kind: 'only', tunnelId: 2 })
    await clock.advance(5000)
    assert.deepEqual(kinds(), [])
    add()
    session.receive({ kind: 'ready' })
    assert.deepEqual(kinds(), ['all', 'only'])
    const [first] = told
    assert.ok(first?.kind === 'all' && first.life === 'one')
    assert.deepEqual(
      first.exchanges.map(({ id }) => id),
      [1, 2],
    )
  })

  it('changes ten times a second at most, each exchange once', async () => {
    ready()
    for (let index = 0; index < 500; index++) {
      const one = add()
      exchanges.update({ ...one, state: 'complete' })
    }
    assert.deepEqual(kinds(), [])
    await clock.advance(100)
    assert.deepEqual(kinds(), ['changed'])
    const [change] = told
    assert.ok(change?.kind === 'changed')
    assert.equal(change.exchanges.length, 500)
    await clock.advance(10_000)
    assert.deepEqual(kinds(), ['changed'])
  })

  it('what is a webhook, and again when more is known of it', async () => {
    add()
    ready()
    session.receive({ kind: 'select', id: 1 })
    event = { provider: 'Messenger', who: '7', what: 'read', signature: 'verified', time: undefined }
    labelsChanged.fire()
    await clock.advance(400)
    await waitUntil('it in full', () =>
      told.some((one) => one.kind === 'shown' && one.exchange.summary.event),
    )
    const change = told.find(({ kind }) => kind === 'changed')
    assert.ok(change?.kind === 'changed')
    assert.deepEqual(
      change.exchanges.map((one) => one.event),
      [event],
    )
  })

  it('what was removed, and how many gave way', async () => {
    const small = new Exchanges(() => ({ mostExchanges: 2, mostBytes: 1e9, mostBodyBytes: 1e6 }))
    exchanges = small
    session.dispose()
    session = new InspectorSession({
      tell: (message) => told.push(message),
      ...{ exchanges, clock, log },
      tunnels: () => [],
      onDidChangeTunnels: tunnelsChanged.event,
      labels,
      show: (exchange) => showExchange(exchange, { secrets: 'masked', original: undefined }),
      act: () => Promise.resolve(),
      life: 'one',
    })
    ready()
    for (let index = 0; index < 5; index++) add()
    await clock.advance(100)
    const [change] = told
    assert.ok(change?.kind === 'changed')
    assert.deepEqual(
      change.exchanges.map(({ id }) => id),
      [4, 5],
    )
    assert.deepEqual(change.removed, [1, 2, 3])
    assert.equal(change.capture.leftOut, 3)
  })

  it('the selected exchange in full, and again as it changes', async () => {
    ready()
    const one = add()
    await clock.advance(100)
    session.receive({ kind: 'select', id: one.id })
    await clock.advance(0)
    assert.equal(told.at(-1)?.kind, 'shown')
    for (let index = 0; index < 10; index++) exchanges.update({ ...one, endMs: index })
    await clock.advance(1000)
    assert.deepEqual(kinds(), ['changed', 'shown', 'changed', 'shown'])
    const last = told.at(-1)
    assert.ok(last?.kind === 'shown' && last.exchange.summary.endMs === 9)
  })

  it('that the selected exchange has given way', () => {
    ready()
    session.receive({ kind: 'select', id: 77 })
    assert.deepEqual(told, [{ kind: 'gone', id: 77 }])
  })

  it('no secret until it asks for those of one exchange, and none of the next', async () => {
    ready()
    for (let index = 0; index < 2; index++) {
      exchanges.add(captured({ fields: [['Authorization', 'Bearer s3cret-t0ken']] }))
    }
    const shown = async (message: unknown) => {
      session.receive(message)
      await clock.advance(0)
      return JSON.stringify(told.at(-1))
    }
    assert.doesNotMatch(await shown({ kind: 'select', id: 1 }), /s3cret/)
    assert.match(await shown({ kind: 'show secrets', id: 1, isShown: true }), /s3cret/)
    assert.doesNotMatch(await shown({ kind: 'select', id: 2 }), /s3cret/)
    assert.doesNotMatch(await shown({ kind: 'select', id: 1 }), /s3cret/)
  })

  it('of tunnels when they change, and of their numbers each second', async () => {
    ready()
    await clock.advance(5000)
    assert.deepEqual(kinds(), [], 'nothing new, nothing told')
    tunnels = [{ id: 1, title: 'https://a.example', app: '3000', isOpen: true, numbers: undefined }]
    await clock.advance(1000)
    assert.deepEqual(kinds(), ['tunnels'])
  })

  it('nothing while it is hidden, and all when it is seen again', async () => {
    ready()
    session.hide()
    add()
    await clock.advance(60_000)
    assert.deepEqual(kinds(), [])
    assert.deepEqual(clock.pending, [], 'no clock runs for it')
    session.receive({ kind: 'ready' })
    assert.deepEqual(kinds(), ['all'])
  })

  it('and what it asks for is done, unless nobody knows it', () => {
    ready()
    session.receive({ kind: 'replay', id: 1 })
    session.receive({ kind: 'format the disk' })
    assert.deepEqual(acted, [{ kind: 'replay', id: 1 }])
    assert.match(log.text, /not known/)
  })
})
