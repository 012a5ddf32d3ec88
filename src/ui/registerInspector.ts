import { randomUUID } from 'node:crypto'
import { commands, type ExtensionContext } from 'vscode'
import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Redactor } from '../base/redactor'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds } from './commandIds'
import { Inspector } from './inspector'
import { InspectorActions } from './inspectorActions'
import { KnownTunnels } from './knownTunnels'
import type { EventLabels } from './inspectorSession'
import type { ReadOnlyDocuments } from './readOnlyDocuments'
import { Replays } from './replays'
import { RequestExports } from './requestExports'
import { SigningSecrets } from './signingSecrets'
import { idFrom } from './tunnelCommands'
import type { UrlClipboard } from './urlClipboard'

/** The request inspector with its command and all that can be done in it. */
export function registerInspector(
  context: ExtensionContext,
  parts: {
    readonly tunnels: Tunnels
    readonly clipboard: UrlClipboard
    readonly documents: ReadOnlyDocuments
    readonly labels: EventLabels
    readonly redactor: Redactor
    readonly clock: Clock
    readonly log: Log
  },
): Disposable {
  const { tunnels, clock, log, redactor } = parts
  const { exchanges } = tunnels
  const owned = new DisposableStore()
  const known = new KnownTunnels(tunnels, exchanges)
  const replays = new Replays({
    ...{ tunnels, known, exchanges, redactor },
    secrets: new SigningSecrets(context.secrets),
  })
  const exports = new RequestExports({
    documents: parts.documents,
    version: versionOf(context.extension.packageJSON),
    originOf: ({ tunnelId }) => {
      const url = tunnels.all.find(({ id }) => id === tunnelId)?.publicUrl
      return url === undefined ? undefined : new URL(url).origin
    },
  })
  const actions = new InspectorActions({ ...parts, exchanges, replays, exports })
  const inspector = owned.add(
    new Inspector({
      ...{ exchanges, clock, log },
      labels: parts.labels,
      extensionUri: context.extensionUri,
      tunnels: () => known.all,
      onDidChangeTunnels: tunnels.onDidChange,
      show: async (exchange, { secrets }) => {
        const { showExchange } = await import('../http/showExchange')
        const { source } = exchange
        const original = source.kind === 'replay' ? exchanges.get(source.of) : undefined
        return showExchange(exchange, { secrets, original })
      },
      act: (action, session) => actions.run(action, session),
      life: randomUUID(),
    }),
  )
  owned.add(
    commands.registerCommand(commandIds.showRequests, (named: unknown) => inspector.show(idFrom(named))),
  )
  const first = exchanges.onDidChange(({ kind }) => {
    if (kind !== 'added') return
    first.dispose()
    void commands.executeCommand('setContext', 'exposePort.hasRequests', true)
  })
  owned.add(first)
  return owned
}

function versionOf(manifest: unknown): string {
  const isObject = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return isObject ? String(manifest.version) : ''
}
