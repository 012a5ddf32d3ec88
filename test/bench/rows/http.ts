import { http, httpOverMany } from '../loads'
import type { Row, RowGroup } from '../row'

type Connections = 'keep-alive' | 'new'

const cases: readonly { readonly connections: Connections; readonly visitors: number }[] = [
  { connections: 'keep-alive', visitors: 1 },
  { connections: 'keep-alive', visitors: 16 },
  { connections: 'new', visitors: 1 },
  { connections: 'new', visitors: 16 },
]

export const httpRows: readonly RowGroup[] = cases.map(({ connections, visitors }) => [
  plain(connections, visitors),
  withGate(connections, visitors),
])

export const manyRows: readonly RowGroup[] = [
  [
    {
      ...{ name: '1,000 visitors at once', unit: 'requests/s', better: 'more' },
      measure: (side, round) => http(round, side, 'plain', 'keep-alive', 1000),
    },
  ],
  [
    {
      ...{ name: '20 tunnels on one connection', unit: 'requests/s', better: 'more' },
      measure: (side, round) => httpOverMany(round, side),
    },
  ],
]

function plain(connections: Connections, visitors: number): Row {
  return {
    ...{ name: nameOf(connections, visitors), unit: 'requests/s', better: 'more', goal: 1 },
    measure: (side, round) => http(round, side, 'plain', connections, visitors),
    limit: (round) => http(round, 'direct', 'plain', connections, visitors),
  }
}

/** Against an ssh that only passes bytes on. */
function withGate(connections: Connections, visitors: number): Row {
  return {
    name: `${nameOf(connections, visitors)}, with the gate and capture`,
    ...{ unit: 'requests/s', better: 'more', goal: 0.7 },
    measure: (side, round) => http(round, side, side === 'ours' ? 'gate' : 'plain', connections, visitors),
  }
}

function nameOf(connections: Connections, visitors: number): string {
  const what = connections === 'new' ? 'a new connection each' : connections
  return `HTTP ${what}, ${visitors} ${visitors === 1 ? 'visitor' : 'visitors'}`
}
