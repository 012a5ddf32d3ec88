import { commands } from 'vscode'
import { assertNever } from '../base/assertNever'
import type { Log } from '../base/log'
import type { CapturedExchange } from '../http/capturedExchange'
import type { Exchanges } from '../http/exchanges'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds } from './commandIds'
import type { Action, InspectorSession } from './inspectorSession'
import type { Replays } from './replays'
import type { RequestExports } from './requestExports'
import { importHar } from './harImport'
import { showFailure } from './showFailure'
import type { UrlClipboard } from './urlClipboard'

/** Does what a page of the inspector asks for. */
export class InspectorActions {
  constructor(
    private readonly parts: {
      readonly tunnels: Tunnels
      readonly exchanges: Exchanges
      readonly replays: Replays
      readonly exports: RequestExports
      readonly clipboard: UrlClipboard
      readonly log: Log
    },
  ) {}

  /** Never rejects: what goes wrong is shown. */
  async run(action: Action, session: InspectorSession): Promise<void> {
    try {
      await this.carryOut(action, session)
    } catch (error) {
      await showFailure(error, this.parts.log)
    }
  }

  private async carryOut(action: Action, session: InspectorSession): Promise<void> {
    const { tunnels, exchanges, replays, exports, clipboard } = this.parts
    switch (action.kind) {
      case 'replay':
        return this.on(action.id, async (exchange) => select(session, await replays.replay(exchange)))
      case 'replay often':
        return this.on(action.id, async (exchange) => select(session, await replays.replayOften(exchange)))
      case 'edit':
        return this.on(action.id, async (exchange) => {
          const { draftOf } = await import('./draft')
          session.tell({ kind: 'edit', draft: await draftOf(exchange, secretsOf(session, exchange)) })
        })
      case 'replay edited':
        return this.on(action.edited.of, async (exchange) => {
          const sent = await replays.replayEdited(action.edited, exchange)
          if (typeof sent === 'object') session.tell({ kind: 'problems', problems: sent })
          else select(session, sent)
        })
      case 'copy cURL':
        return this.on(action.id, (exchange) => exports.copy('curl', exchange, secretsOf(session, exchange)))
      case 'copy .http':
        return this.on(action.id, (exchange) => exports.copy('http', exchange, secretsOf(session, exchange)))
      case 'open body':
        return this.on(action.id, (exchange) =>
          exports.openBody(exchange, action.of, secretsOf(session, exchange)),
        )
      case 'save HAR':
        return exports.saveHar(action.ids.flatMap((id) => exchanges.get(id) ?? []))
      case 'import HAR':
        select(session, await importHar(tunnels, exchanges))
        return
      case 'clear':
        exchanges.clear(action.tunnelId)
        return
      case 'pause':
        exchanges.isPaused = action.isPaused
        return
      case 'copy URL': {
        const tunnel = tunnels.all.find(({ id }) => id === action.tunnelId)
        return tunnel === undefined ? undefined : clipboard.copy(tunnel)
      }
      case 'expose':
        await commands.executeCommand(commandIds.expose)
        return
      case 'test event':
        await commands.executeCommand(commandIds.sendTestWebhookEvent, action.tunnelId)
        return
      default:
        return assertNever(action)
    }
  }

  /** Nothing happens where it has given way meanwhile: the page hears of that by itself. */
  private async on(id: number, act: (exchange: CapturedExchange) => Promise<void>): Promise<void> {
    const exchange = this.parts.exchanges.get(id)
    if (exchange !== undefined) await act(exchange)
  }
}

function secretsOf(session: InspectorSession, { id }: CapturedExchange): 'masked' | 'shown' {
  return session.showsSecretsOf(id) ? 'shown' : 'masked'
}

function select(session: InspectorSession, id: number | undefined): void {
  if (id !== undefined) session.tell({ kind: 'select', id })
}
