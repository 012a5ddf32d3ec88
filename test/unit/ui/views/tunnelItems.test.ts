import assert from 'node:assert/strict'
import type { TunnelNumbers } from '../../../../src/tunnels/numbers'
import type { TunnelState } from '../../../../src/tunnels/tunnelState'
import { commandIds, innerCommandIds } from '../../../../src/ui/commandIds'
import { tunnelItems } from '../../../../src/ui/views/tunnelItems'
import type { ViewItem } from '../../../../src/ui/views/viewItem'
import { failure, noNumbers, now, open, shownTunnel, url } from './tunnel'

const busy: TunnelNumbers = {
  ...{ visitorsNow: 2, requests: 1234, errors: 3, bytesIn: 1_234_567, bytesOut: 300_000 },
  latencyMs: { p50: 12.3, p95: 80, p99: 1234 },
}
const row = (changes: Parameters<typeof shownTunnel>[0] = {}): ViewItem =>
  tunnelItems([shownTunnel(changes)], now)[0] ?? assert.fail()
const parts = (item: ViewItem): Record<string, string | undefined> =>
  Object.fromEntries((item.children ?? []).map(({ label, description }) => [label, description]))

describe('the rows of the view Tunnels', () => {
  it('are none while nothing is public, so that the welcome shows', () =>
    assert.deepEqual(tunnelItems([], now), []))

  type Row = [
    state: TunnelState,
    icon: string,
    color: string | undefined,
    description: string,
    contextValue: string,
    spoken: RegExp,
  ]
  const rows: Row[] = [
    [open, 'globe', 'testing.iconPassed', '', 'tunnel', /, open, port 3000$/],
    [{ kind: 'connecting', hop: 'DNS' }, 'sync~spin', undefined, 'connecting', 'tunnel', /, connecting,/],
    [
      { ...open, appAnswers: false },
      'warning',
      'list.warningForeground',
      'port 3000 does not answer',
      'tunnel',
      /does not answer/,
    ],
    [
      { ...open, check: failure },
      'warning',
      'list.warningForeground',
      'needs attention',
      'tunnelToRetry',
      /needs attention/,
    ],
    [
      { kind: 'waiting', failure, retryAt: now + 4200 },
      'warning',
      'list.warningForeground',
      'retry in 5 s',
      'tunnelToRetry',
      /, waiting to reconnect,/,
    ],
    [{ kind: 'failed', failure }, 'error', 'list.errorForeground', 'failed', 'tunnelToRetry', /, failed,/],
    [{ kind: 'closed' }, 'circle-slash', undefined, 'closed', 'tunnel', /, closed,/],
  ]
  for (const [state, icon, color, description, contextValue, spoken] of rows) {
    it(`show ${JSON.stringify(state)} as ${icon} ${description}`, () => {
      const item = row({ state })
      assert.deepEqual(
        [item.icon, item.color, item.description, item.contextValue],
        [icon, color, description, contextValue],
      )
      assert.equal(item.label, 'my-app-3000.dev.example.com')
      assert.match(item.spoken ?? '', spoken)
      assert.ok(item.spoken?.startsWith(url), 'a screen reader reads the URL whole')
      assert.doesNotMatch(item.spoken ?? '', /\d+ s\b/, 'and not each second')
      assert.equal(item.tunnelId, 7)
    })
  }

  it('show who visits now and how much passes, after what the state says', () => {
    const traffic = '2 visitors · ↓1.2 MB ↑300 kB'
    assert.equal(row({ numbers: busy }).description, traffic)
    const state = { ...open, appAnswers: false }
    assert.equal(row({ numbers: busy, state }).description, `port 3000 does not answer · ${traffic}`)
    assert.equal(row({ numbers: { ...busy, visitorsNow: 0 } }).description, '↓1.2 MB ↑300 kB')
    assert.equal(row({ numbers: { ...noNumbers, visitorsNow: 1 } }).description, '1 visitor')
    assert.equal(row({ numbers: busy }).spoken, row().spoken)
  })

  it('unfold to the numbers, the target, the server and who can read', () => {
    assert.deepEqual(parts(row({ numbers: busy })), {
      'Visitors now': '2',
      Requests: '1,234 · 3 errors',
      Latency: 'p50 12 ms, p95 80 ms, p99 1.2 s',
      Bytes: '1.2 MB in, 300 kB out',
      'Leads to': 'localhost:3000',
      Through: 'me@dev.example.com',
      'Who may come in': 'Everybody',
      'Who can read': 'HTTPS ends on the server dev.example.com: whoever runs it can read the traffic.',
    })
  })

  it('say nothing of requests where no HTTP is read, and of latency before the first answer', () => {
    const app = { host: '::1', port: 5432, protocol: 'tcp' } as const
    const labels = ['Visitors now', 'Bytes', 'Leads to', 'Through', 'Who may come in', 'Who can read']
    assert.deepEqual(Object.keys(parts(row({ app }))), labels)
    assert.equal(parts(row({ app }))['Leads to'], '[::1]:5432')
    assert.equal(parts(row())['Requests'], '0')
    assert.ok(!('Latency' in parts(row())))
  })

  it('say who may come in, and a click changes it', () => {
    const item = row({ gate: { access: { allow: ['203.0.113.0/24'] } } })
    const part = item.children?.find(({ label }) => label === 'Who may come in')
    assert.deepEqual(
      [part?.description, part?.command, part?.tunnelId],
      ['203.0.113.0/24 only', commandIds.setAccess, 7],
    )
    assert.ok(item.tooltip?.includes('Who may come in: 203.0.113.0/24 only.'))
  })

  it('have the problem on top, and a click says what to do', () => {
    for (const state of [
      { kind: 'failed', failure },
      { kind: 'waiting', failure, retryAt: now },
      { ...open, check: failure },
    ] as const) {
      const [first] = row({ state }).children ?? []
      assert.deepEqual(
        [first?.label, first?.command, first?.tunnelId],
        ['The server was lost.', innerCommandIds.showProblem, 7],
      )
      assert.match(first?.tooltip ?? '', /ECONNRESET/)
    }
    const [first] = row({ state: { ...open, appAnswers: false } }).children ?? []
    assert.match(first?.label ?? '', /^Port 3000 does not answer/)
    assert.equal(first?.command, undefined)
  })

  it('have the remarks of a way of being public', () => {
    const state = { ...open, remarks: ['It ends in an hour.', 'It is slow.'] }
    assert.equal(parts(row({ state }))['Note'], 'It ends in an hour. It is slow.')
  })

  it('say in the tooltip what went wrong, the numbers and who can read', () => {
    const tooltip = (row({ numbers: busy, state: { kind: 'failed', failure } }).tooltip ?? '').replaceAll(
      '\\',
      '',
    )
    for (const part of [
      url,
      'The server was lost. Look at it.',
      '1,234 requests, 3 errors',
      'whoever runs it',
    ]) {
      assert.ok(tooltip.includes(part), part)
    }
    assert.match(row().tooltip ?? '', /No visitors yet/)
  })

  it('stand with the latest first, each with ids of its own that stay', () => {
    const tunnels = [shownTunnel({ id: 1 }), shownTunnel({ id: 2, state: { kind: 'failed', failure } })]
    const items = tunnelItems(tunnels, now)
    assert.deepEqual(
      items.map(({ id }) => id),
      ['tunnel:2', 'tunnel:1'],
    )
    const ids = items.flatMap(({ id, children = [] }) => [id, ...children.map((child) => child.id)])
    assert.equal(new Set(ids).size, ids.length)
    assert.equal(row({ state: { kind: 'failed', failure } }).id, row({ numbers: busy }).id)
  })

  it('let nothing of a message become Markdown', () => {
    const { tooltip } = row({ title: 'https://x.example/[a](command:evil)' })
    assert.doesNotMatch(tooltip ?? '', /(?<!\\)\[/)
  })
})
