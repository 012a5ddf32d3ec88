import assert from 'node:assert/strict'
import { Failure } from '../../../src/base/failure'
import type { OwnProfile } from '../../../src/servers/profile'
import type { TunnelNumbers } from '../../../src/tunnels/numbers'
import type { TunnelState } from '../../../src/tunnels/tunnelState'
import { commandIds, innerCommandIds } from '../../../src/ui/commandIds'
import { statusBarView, type StatusBarView } from '../../../src/ui/statusBarView'
import { shorten, type ShownTunnel } from '../../../src/ui/tunnelText'

const now = 1_700_000_000_000
const failure = new Failure({
  ...{ kind: 'k', hop: 'TCP', message: 'The server was lost.', advice: 'Look at it.', canHeal: true },
})
const url = 'https://my-app-3000.dev.example.com'

const profile: OwnProfile = {
  ...{ kind: 'own', id: 'vps', ssh: 'me@dev.example.com', destination: { host: 'dev.example.com' } },
  ...{
    bind: { kind: 'unix', path: '/run/{name}.sock' },
    publicUrl: url,
    tls: 'server',
    proxyProtocol: false,
  },
}
const noNumbers: TunnelNumbers = {
  ...{ visitorsNow: 0, requests: 0, errors: 0, bytesIn: 0, bytesOut: 0, latencyMs: undefined },
}
const tunnel = (state: TunnelState, changes: Partial<ShownTunnel> = {}): ShownTunnel => ({
  ...{ id: 7, title: url, state, gate: {}, app: { host: 'localhost', port: 3000, protocol: 'http' } },
  server: { profile },
  held: 0,
  numbers: noNumbers,
  ...changes,
})
const open = { kind: 'open', appAnswers: true, check: 'passed', remarks: [] } satisfies TunnelState
const waiting = (ms: number): TunnelState => ({ kind: 'waiting', failure, retryAt: now + ms })

function view(tunnels: readonly ShownTunnel[], copied = false): StatusBarView {
  return statusBarView(tunnels, { now, copied }) ?? assert.fail('nothing is shown')
}

/** Titles and commands of the tooltip's links, with their arguments. */
function links(tooltip: string): [title: string, command: string, argument: unknown][] {
  return [...tooltip.matchAll(/(?<!\\)\[([^\]]*)\]\(command:([\w.]+)\?([^)]*)\)/g)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
    JSON.parse(decodeURIComponent(match[3] ?? '')),
  ])
}

describe('statusBarView', () => {
  it('shows nothing while nothing is exposed', () => {
    assert.equal(statusBarView([], { now, copied: false }), undefined)
    assert.equal(statusBarView([], { now, copied: true }), undefined)
  })

  for (const [held, says] of [
    [0, undefined],
    [1, '1 request is held until the app answers.'],
    [3, '3 requests are held until the app answers.'],
  ] as const) {
    it(`says in the tooltip that ${held} requests are held`, () => {
      const { tooltip } = view([tunnel({ ...open, appAnswers: false }, { held })])
      assert.equal(/\d+ requests? (?:is|are) held[^\n]*/.exec(tooltip)?.[0], says)
    })
  }

  type Row = [
    state: TunnelState,
    text: string,
    severity: StatusBarView['severity'],
    command: string,
    label: RegExp,
    tooltip: RegExp,
  ]
  const rows: Row[] = [
    [
      { kind: 'connecting', hop: 'host key' },
      `$(sync~spin) ${url}`,
      'normal',
      commandIds.showLog,
      /^Connecting /,
      /Connecting: host key/,
    ],
    [
      open,
      `$(globe) ${url}`,
      'normal',
      commandIds.copyPublicUrl,
      /^Public URL .* Copy$/,
      /Leads to port 3000/,
    ],
    [
      { ...open, check: 'running' },
      `$(globe) ${url}`,
      'normal',
      commandIds.copyPublicUrl,
      /^Public URL/,
      /Leads to port 3000/,
    ],
    [
      { ...open, check: failure },
      `$(warning) ${url}`,
      'warning',
      innerCommandIds.showProblem,
      /The server was lost/,
      /Look at it/,
    ],
    [
      { ...open, appAnswers: false },
      `$(warning) ${url}`,
      'warning',
      commandIds.copyPublicUrl,
      /port 3000 does not answer/,
      /Port 3000 does not answer/,
    ],
    [
      { ...open, appAnswers: false, check: failure },
      `$(warning) ${url}`,
      'warning',
      commandIds.copyPublicUrl,
      /port 3000/,
      /Port 3000/,
    ],
    [
      waiting(4200),
      `$(warning) ${url} · retry in 5 s`,
      'warning',
      commandIds.retry,
      /Retry now/,
      /lost.*again in 5 s/,
    ],
    [
      waiting(0),
      `$(warning) ${url} · retry in 0 s`,
      'warning',
      commandIds.retry,
      /Retry now/,
      /again in 0 s/,
    ],
    [
      waiting(-9000),
      `$(warning) ${url} · retry in 0 s`,
      'warning',
      commandIds.retry,
      /Retry now/,
      /again in 0 s/,
    ],
    [
      { kind: 'failed', failure },
      `$(error) ${url}`,
      'error',
      innerCommandIds.showProblem,
      /^Failed: .* Show what to do$/,
      /lost.*Look at it/,
    ],
    [{ kind: 'closed' }, `$(circle-slash) ${url}`, 'normal', commandIds.showLog, /^Closed /, /Closed/],
  ]
  for (const [state, text, severity, command, label, tooltip] of rows) {
    const what =
      state.kind === 'open' ? `open, ${JSON.stringify({ ...state, check: String(state.check) })}` : state.kind
    it(`shows ${what}: ${text}`, () => {
      const shown = view([tunnel(state)])
      assert.deepEqual([shown.text, shown.severity, shown.command], [text, severity, command])
      assert.match(shown.label, label)
      assert.match(shown.tooltip.replaceAll('\\', ''), tooltip)
      assert.ok(shown.label.includes(url), 'a screen reader reads the URL whole')
      assert.doesNotMatch(shown.label, /\$\(|\d+ s\b/, 'and neither icons nor each second')
    })
  }

  it('offers to copy, open, stop and see the log of each tunnel, and to retry what failed', () => {
    const id = [7]
    const plain = [
      ['Copy', commandIds.copyPublicUrl, id],
      ['Open', commandIds.openPublicUrl, id],
      ['Requests', commandIds.showRequests, id],
      ['Access', commandIds.setAccess, id],
      ['Stop', commandIds.stop, id],
      ['Log', commandIds.showLog, id],
    ]
    const withRetry = [...plain.slice(0, 3), ['Retry Now', commandIds.retry, id], ...plain.slice(3)]
    for (const [state, expected] of [
      [open, plain],
      [{ kind: 'connecting', hop: 'DNS' }, plain],
      [{ ...open, check: failure }, withRetry],
      [waiting(1000), withRetry],
      [{ kind: 'failed', failure }, withRetry],
    ] as const) {
      assert.deepEqual(links(view([tunnel(state)]).tooltip), expected)
    }
  })

  it('says in a line of the tooltip who may come in', () => {
    const gate = { access: { allow: ['203.0.113.0/24'], methods: ['GET'] } }
    assert.match(
      view([tunnel(open, { gate })]).tooltip,
      /\n\nWho may come in: 203\.0\.113\.0\/24 only; GET only\.\n\n/,
    )
  })

  describe('with several tunnels', () => {
    const first = tunnel(open, { id: 1, title: 'https://one.example' })
    const second = tunnel(open, { id: 2, title: 'https://two.example' })
    const third = tunnel(open, { id: 3, title: 'https://three.example' })

    it('shows the latest, and how many more there are', () => {
      assert.equal(view([first, second]).text, '$(globe) https://two.example +1')
      const shown = view([first, second, third])
      assert.equal(shown.text, '$(globe) https://three.example +2')
      assert.equal(shown.label, 'Public URL https://three.example. Copy, and 2 more')
    })

    it('has all of them in the tooltip, the latest on top, each with its own links', () => {
      const { tooltip } = view([first, second, third])
      assert.deepEqual(
        [...tooltip.matchAll(/\*\*(.*?)\*\*/g)].map((match) => match[1]),
        ['three', 'two', 'one'].map((name) => `https://${name}.example`),
      )
      assert.deepEqual(
        links(tooltip)
          .filter(([title]) => title === 'Stop')
          .map(([, , argument]) => argument),
        [[3], [2], [1]],
      )
    })

    it('turns red when any of them failed, and keeps the latest’s own colour otherwise', () => {
      const failed = tunnel({ kind: 'failed', failure }, { id: 4 })
      assert.equal(view([failed, second]).severity, 'error')
      assert.equal(view([failed, second]).text, '$(globe) https://two.example +1')
      assert.equal(view([first, tunnel(waiting(1))]).severity, 'warning')
      assert.equal(view([first, second]).severity, 'normal')
    })
  })

  it('has the numbers of each tunnel in the tooltip, and nowhere else', () => {
    const numbers: TunnelNumbers = {
      ...{ visitorsNow: 2, requests: 1234, errors: 3, bytesIn: 1_234_567, bytesOut: 300_000 },
      latencyMs: { p50: 12.3, p95: 80, p99: 1234 },
    }
    const { tooltip, ...rest } = view([tunnel(open), tunnel(open, { numbers })])
    assert.ok(
      tooltip
        .replaceAll('\\', '')
        .includes(
          '2 visitors · ↓1.2 MB ↑300 kB · 1,234 requests, 3 errors · p50 12 ms, p95 80 ms, p99 1.2 s',
        ),
      tooltip,
    )
    assert.match(tooltip, /No visitors yet\./)
    // What changes each second must not be read out.
    assert.deepEqual(rest, (({ tooltip: _, ...same }) => same)(view([tunnel(open), tunnel(open)])))
  })

  it('says Copied for a moment, and keeps the number', () => {
    assert.equal(view([tunnel(open)], true).text, '$(check) Copied')
    const two = view([tunnel(open), tunnel(open)], true)
    assert.deepEqual([two.text, two.label], ['$(check) Copied +1', 'Copied'])
  })

  it('shortens a long URL in the bar, and nowhere else', () => {
    const long = `https://${'x'.repeat(60)}.dev.example.com`
    const shown = view([tunnel(open, { title: long })])
    assert.equal(shown.text, `$(globe) ${shorten(long)}`)
    assert.ok(shown.label.includes(long))
    assert.ok(shown.tooltip.includes(long))
  })

  it('lets nothing of a message or a URL become Markdown', () => {
    const message = 'It said [Click](command:evil) <b>*now*</b> `x` ![i](http://x) ~~a~~ # | \\[b](c)'
    const hostile = new Failure({ kind: 'k', hop: 'TCP', message, advice: '[a](b)', canHeal: true })
    for (const state of [
      { kind: 'failed', failure: hostile },
      { ...open, check: hostile },
    ] as const) {
      const { tooltip } = view([tunnel(state, { title: 'https://a_b.example/*x*?[c](d)' })])
      const commands = links(tooltip).map(([, command]) => command)
      assert.deepEqual(commands.length, 7)
      assert.ok(!commands.includes('evil'))
      // Take the escapes away, and the links that are ours: no sign of Markdown is left but the bold URL's.
      const left = tooltip
        .replace(/\\[\\`*_{}[\]()#+!<>|~]/g, '')
        .replace(/\[[\w ]+\]\(command:[^)]*\)/g, '')
        .replace(/^\*\*(.*)\*\*$/m, '$1')
      assert.doesNotMatch(left, /[\\`*_{}[\]()#!<>|~]/)
    }
  })
})

describe('shorten', () => {
  const rows: [string, number | undefined, string][] = [
    ['https://dev.example.com', undefined, 'https://dev.example.com'],
    ['x'.repeat(60), undefined, 'x'.repeat(60)],
    [`${'a'.repeat(40)}${'b'.repeat(21)}`, undefined, `${'a'.repeat(30)}…${'a'.repeat(8)}${'b'.repeat(21)}`],
    ['abcdefghij', 10, 'abcdefghij'],
    ['abcdefghijk', 10, 'abcde…hijk'],
    ['abcdefghijk', 5, 'ab…jk'],
  ]
  for (const [text, longest, expected] of rows) {
    it(`makes ${expected} of ${text.length} letters`, () => {
      assert.equal(shorten(text, longest), expected)
      assert.ok(shorten(text, longest).length <= (longest ?? 60))
    })
  }
})
