import assert from 'node:assert/strict'
import type { FromInspector, ShownExchange, ToInspector } from '../../../src/http/inspectorMessages'
import { Page } from '../../../src/webview/page'
import type { SavedState } from '../../../src/webview/savedState'
import { summary } from './summary'

describe('what the inspector’s page keeps', () => {
  let posted: FromInspector[]
  let saved: SavedState | undefined
  let page: Page
  const capture = { isOn: true, isPaused: false, leftOut: 0 }

  function open(state?: unknown): Page {
    posted = []
    return new Page(
      { post: (message) => posted.push(message), save: (one) => (saved = one), draw: () => undefined },
      state,
    )
  }
  const all = (ids: readonly number[], life = 'a'): ToInspector => ({
    kind: 'all',
    ...{ life, capture, tunnels: [] },
    exchanges: ids.map((id) => summary({ id, target: `/${id}` })),
  })
  const shown = (id: number, more: Partial<ShownExchange> = {}): ToInspector => {
    const part = { fields: [], trailers: [], body: emptyBody }
    return {
      kind: 'shown',
      exchange: {
        ...{ summary: summary({ id }), protocol: 'HTTP/1.1', host: '', request: part, response: undefined },
        ...{ messages: undefined, secrets: 'none', comparison: undefined, ...more },
      },
    }
  }

  beforeEach(() => (page = open()))

  it('lists the newest first, as exchanges come, change and go', () => {
    page.receive(all([1, 2, 3]))
    page.receive({
      kind: 'changed',
      exchanges: [summary({ id: 2, status: 500 }), summary({ id: 4 })],
      removed: [1],
      capture,
    })
    assert.deepEqual(
      page.rows.map(({ id, status }) => [id, status]),
      [
        [4, 200],
        [3, 200],
        [2, 500],
      ],
    )
  })

  it('keeps selection and filter for the next time, in the same life of the extension', () => {
    page.receive(all([1, 2, 3]))
    page.select(2)
    page.setFilter({ text: '/2', statuses: ['2xx'] })
    const again = open(JSON.parse(JSON.stringify(saved)))
    again.receive(all([1, 2, 3, 4]))
    assert.deepEqual(posted, [{ kind: 'select', id: 2 }], 'the details are asked for again')
    assert.deepEqual(
      again.rows.map(({ id }) => id),
      [2],
    )
    const afterReload = open(JSON.parse(JSON.stringify(saved)))
    afterReload.receive(all([1, 2, 3], 'another'))
    assert.equal(afterReload.selected, undefined, 'the number means another exchange now')
  })

  for (const broken of [null, 'x', { filter: 1 }, { life: 'a', listShare: 900 }]) {
    it(`begins anew where what was kept cannot be read: ${JSON.stringify(broken)}`, () =>
      assert.equal(open(broken).listShare, 46))
  }

  it('moves the selection, and begins at the top', () => {
    page.receive(all([1, 2, 3]))
    for (const [by, id] of [
      [1, 3],
      [1, 2],
      [10, 1],
      [-1, 2],
      [-Infinity, 3],
      [Infinity, 1],
    ] as const) {
      page.move(by)
      assert.equal(page.selected, id)
    }
  })

  it('lets go of what has given way', () => {
    page.receive(all([1, 2]))
    page.select(1)
    page.receive(shown(1))
    page.receive({ kind: 'changed', exchanges: [], removed: [1], capture })
    assert.deepEqual([page.selected, page.shown], [undefined, undefined])
  })

  it('shows the comparison when a replay is shown, once', () => {
    page.receive(all([1, 2]))
    page.receive({ kind: 'select', id: 2 })
    page.receive(shown(2, { comparison: { of: 1, answers: undefined } }))
    assert.equal(page.tab, 'compare')
    page.setTab('request')
    page.receive(shown(2, { comparison: { of: 1, answers: undefined } }))
    assert.equal(page.tab, 'request')
  })

  it('pays no heed to details that come too late', () => {
    page.receive(all([1, 2]))
    page.select(1)
    page.select(2)
    page.receive(shown(1))
    assert.equal(page.shown, undefined)
  })
})

const emptyBody = {
  content: { kind: 'empty' },
  bytes: new Uint8Array(),
  ...{ size: 0, decodedSize: 0, mediaType: '', encodings: [], remarks: [] },
} as const
