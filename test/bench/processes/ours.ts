import { createInterface } from 'node:readline'
import { systemClock } from '../../../src/base/clock'
import { silentLog } from '../../../src/base/log'
import { Exchanges } from '../../../src/http/exchanges'
import type { PublicWay } from '../../../src/servers/profile'
import { TypedSecrets } from '../../../src/ssh/identities'
import type { ChannelKind } from '../../../src/ssh/forwardedChannels'
import { openTransport } from '../../../src/ssh/openTransport'
import type { SshSettings } from '../../../src/ssh/settings'
import { Stages } from '../../../src/tunnels/stages'
import { TunnelCount } from '../../../src/tunnels/tunnelCount'
import { scriptedPrompts } from '../../support/scriptedPrompts'

/** What a line on standard input asks for; all ports are on loopback. */
export interface OursRequest {
  readonly settings: SshSettings
  readonly forwards: readonly OursForward[]
  /** As users have it unless given. */
  readonly channels?: ChannelKind
}

export interface OursForward {
  readonly remotePort: number
  readonly appPort: number
  /** `http` is behind the gate, with capture as it is by default; `tcp` only passes bytes on. */
  readonly protocol: 'tcp' | 'http'
}

/** The data path of the extension without VS Code: says `loaded`, is asked by one line, and says `ready`. */
createInterface({ input: process.stdin }).once('line', (line) => {
  void open(JSON.parse(line) as OursRequest).then(() => console.log('ready'))
})
console.log('loaded')

async function open({ settings, forwards, channels }: OursRequest): Promise<void> {
  const transport = await openTransport({
    settings,
    ...(channels && { channels }),
    prompts: scriptedPrompts(),
    secrets: new TypedSecrets(),
    clock: systemClock,
    log: silentLog,
    signal: new AbortController().signal,
    onHop: () => undefined,
    resolve: () => Promise.reject(new Error('there are no jump hosts here')),
  })
  transport.onDidClose((failure) => {
    throw failure
  })
  const exchanges = new Exchanges()
  await Promise.all(
    forwards.map((forward, index) => {
      const way = wayOf(forward)
      return transport.forward(way.bind, stagesOf(forward, { way, exchanges, tunnelId: index + 1 }).accept)
    }),
  )
}

function wayOf({ remotePort, protocol }: OursForward): PublicWay {
  return {
    bind: { kind: 'tcp', host: '127.0.0.1', port: remotePort },
    publicUrl: `${protocol}://127.0.0.1:${remotePort}`,
    tls: protocol === 'tcp' ? 'none' : 'server',
    proxyProtocol: false,
  }
}

function stagesOf(
  { appPort, protocol }: OursForward,
  place: { way: PublicWay; exchanges: Exchanges; tunnelId: number },
): Stages {
  const { publicUrl } = place.way
  return new Stages({
    ...place,
    publicUrl: () => publicUrl,
    // As the extension calls what a person picks in the view Ports.
    app: { host: 'localhost', port: appPort, protocol },
    gate: () => ({}),
    count: new TunnelCount(),
    certificateFor: () => {
      throw new Error('no HTTPS ends here')
    },
    report: { onAnswer: () => undefined, onNoAnswer: () => undefined, onHeld: () => undefined },
    clock: systemClock,
    log: silentLog,
  })
}
