import { http, httpOverMany, type HttpResult } from '../loads'
import type { Round, Row, RowGroup, Side } from '../row'

interface Case {
  readonly connections: 'keep-alive' | 'new'
  readonly visitors: number
  /** Ours with the gate and capture, against an ssh that only passes bytes on. */
  readonly gate?: true
}

const cases: readonly Case[] = [
  { connections: 'keep-alive', visitors: 1 },
  { connections: 'keep-alive', visitors: 16 },
  { connections: 'new', visitors: 1 },
  { connections: 'new', visitors: 16 },
]

export const httpRows: readonly RowGroup[] = cases.map((plain) => {
  const gate: Case = { ...plain, gate: true }
  // One visitor leaves time unused, and how much says less.
  const cpu = plain.visitors === 1 ? [] : [cpuPerRequest(plain), cpuPerRequest(gate)]
  return [
    { ...rate(plain, 1), limit: async (round) => (await load(plain, 'direct', round)).rate },
    rate(gate, 0.7),
    ...cpu,
  ]
})

export const manyRows: readonly RowGroup[] = [
  [
    {
      ...{ name: '1,000 visitors at once', unit: 'requests/s', better: 'more' },
      measure: async (side, round) =>
        (await load({ connections: 'keep-alive', visitors: 1000 }, side, round)).rate,
    },
  ],
  [
    {
      ...{ name: '20 tunnels on one connection', unit: 'requests/s', better: 'more' },
      measure: (side, round) => httpOverMany(round, side),
    },
  ],
]

function rate(of: Case, goal: number): Row {
  return {
    ...{ name: nameOf(of), unit: 'requests/s', better: 'more', goal, warmUpRounds: 3 },
    ...(of.visitors === 1 ? { roundsTimes: of.connections === 'new' ? 4 : 2 } : {}),
    measure: async (side, round) => (await load(of, side, round)).rate,
  }
}

function cpuPerRequest(of: Case): Row {
  return {
    ...{ name: `CPU per request: ${nameOf(of)}`, unit: 'µs', better: 'less' },
    measure: async (side, round) => (await load(of, side, round)).cpuUsPerRequest,
  }
}

function load(
  { connections, visitors, gate }: Case,
  name: Side | 'direct',
  round: Round,
): Promise<HttpResult> {
  return http(round, name, gate && name === 'ours' ? 'gate' : 'plain', connections, visitors)
}

function nameOf({ connections, visitors, gate }: Case): string {
  const what = connections === 'new' ? 'a new connection each' : connections
  const who = visitors === 1 ? '1 visitor' : `${visitors} visitors`
  return `HTTP ${what}, ${who}${gate ? ', with the gate and capture' : ''}`
}
