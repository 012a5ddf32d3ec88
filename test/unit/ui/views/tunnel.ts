import { Failure } from '../../../../src/base/failure'
import type { OwnProfile } from '../../../../src/servers/profile'
import type { TunnelNumbers } from '../../../../src/tunnels/numbers'
import type { TunnelState } from '../../../../src/tunnels/tunnelState'
import type { ShownTunnel } from '../../../../src/ui/tunnelText'

export const now = 1_700_000_000_000
export const url = 'https://my-app-3000.dev.example.com'

export const failure = new Failure({
  ...{ kind: 'k', hop: 'TCP', message: 'The server was lost.', said: 'ECONNRESET' },
  ...{ advice: 'Look at it.', canHeal: true },
})

export const profile: OwnProfile = {
  ...{ kind: 'own', id: 'vps', ssh: 'me@dev.example.com', destination: { host: 'dev.example.com' } },
  bind: { kind: 'unix', path: '/run/{name}.sock' },
  ...{ publicUrl: 'https://{name}.dev.example.com', tls: 'server', proxyProtocol: false },
}

export const noNumbers: TunnelNumbers = {
  ...{ visitorsNow: 0, requests: 0, errors: 0, bytesIn: 0, bytesOut: 0, latencyMs: undefined },
}

export const open = { kind: 'open', appAnswers: true, check: 'passed', remarks: [] } satisfies TunnelState

/** An open tunnel nobody has visited yet, but for what is changed. */
export function shownTunnel(changes: Partial<ShownTunnel> = {}): ShownTunnel {
  return {
    ...{ id: 7, title: url, state: open, held: 0, numbers: noNumbers, gate: {}, server: { profile } },
    app: { host: 'localhost', port: 3000, protocol: 'http' },
    ...changes,
  }
}
