import { window } from 'vscode'
import { Failure } from '../base/failure'
import type { Redactor } from '../base/redactor'
import type { CapturedExchange, ExchangeSource } from '../http/capturedExchange'
import type { Exchanges } from '../http/exchanges'
import type { EditedRequest, EditProblem } from '../http/edit/requestEdit'
import type { Edited } from '../http/inspectorMessages'
import type { ReplayRequest } from '../http/replay'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import type { KnownTunnels } from './knownTunnels'
import { inProgress } from './progress'
import { formatLocalTarget } from './localTarget'
import type { SigningSecrets } from './signingSecrets'

/** Sends captured requests to their app again. Each answers with the new exchange's id, or undefined when nothing was sent. */
export class Replays {
  constructor(
    private readonly parts: {
      readonly tunnels: Pick<Tunnels, 'all'>
      readonly known: KnownTunnels
      readonly exchanges: Pick<Exchanges, 'get'>
      readonly secrets: SigningSecrets
      readonly redactor: Redactor
    },
  ) {}

  /** @throws Failure where its port is not exposed any more. */
  async replay(exchange: CapturedExchange): Promise<number | undefined> {
    const tunnel = this.tunnelOf(exchange)
    if (!(await agreesToCut(exchange))) return undefined
    return tunnel.replay(asItCame(exchange))
  }

  /** As often as is wished, one after the other, and says what the answers were. */
  async replayOften(exchange: CapturedExchange): Promise<number | undefined> {
    const tunnel = this.tunnelOf(exchange)
    const wished = await window.showInputBox({
      title: `Replay ${exchange.request.method} ${exchange.request.target.split('?', 1)[0] ?? ''}`,
      prompt: `How many times? Up to ${mostReplays}, one after the other.`,
      value: '10',
      validateInput: (text) =>
        timesOf(text) === undefined ? `A number from 1 to ${mostReplays}` : undefined,
    })
    const times = wished === undefined ? undefined : timesOf(wished)
    if (times === undefined || !(await agreesToCut(exchange))) return undefined
    const statuses = new Map<string, number>()
    let last: number | undefined
    await inProgress(`Replaying ${times} times`, async (say, signal) => {
      for (let count = 1; count <= times && !signal.aborted; count++) {
        say(`${count} of ${times}`)
        last = await tunnel.replay(asItCame(exchange), signal)
        const status = String(this.parts.exchanges.get(last)?.response?.status ?? 'no answer')
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    const answers = Array.from(statuses, ([status, count]) => `${status} (${count} times)`).join(', ')
    void window.showInformationMessage(`The answers to ${times} replays: ${answers}`)
    return last
  }

  /**
   * Sends what a person has made of a request; answers with what is wrong with it where it cannot be sent.
   * @throws Failure where its port is not exposed any more.
   */
  async replayEdited(
    edited: Edited,
    original: CapturedExchange,
  ): Promise<number | readonly EditProblem[] | undefined> {
    const { applyEdited } = await import('./draft')
    const result = await applyEdited(edited, original)
    if (result.kind === 'problems') return result.problems
    const tunnel = this.tunnelOf(original)
    const request = edited.resign ? await this.sign(tunnel, original, result.request) : result.request
    if (request === undefined || !(await agreesToCut(original, request))) return undefined
    return tunnel.replay({ ...request, source: replayOf(original, true) })
  }

  private async sign(
    tunnel: Tunnel,
    original: CapturedExchange,
    request: EditedRequest,
  ): Promise<EditedRequest | undefined> {
    const secret = await this.parts.secrets.secretFor(formatLocalTarget(tunnel.app), original.request)
    if (secret === undefined) return undefined
    this.parts.redactor.add(secret)
    const { resign } = await import('../http/signatures/signature')
    return { ...request, fields: resign(request, { secret, now: Date.now() }) }
  }

  /** Its own, or another one to the same app that has been opened since. */
  private tunnelOf({ tunnelId }: CapturedExchange): Tunnel {
    const { tunnels, known } = this.parts
    const app = known.all.find(({ id }) => id === tunnelId)?.app
    const tunnel =
      tunnels.all.find(({ id }) => id === tunnelId) ??
      tunnels.all.find((one) => formatLocalTarget(one.app) === app)
    if (tunnel === undefined) throw notExposed(app)
    return tunnel
  }
}

const mostReplays = 1000

function timesOf(text: string): number | undefined {
  const times = /^\d{1,4}$/.test(text.trim()) ? Number(text) : 0
  return times >= 1 && times <= mostReplays ? times : undefined
}

function asItCame(exchange: CapturedExchange): ReplayRequest {
  const { request } = exchange
  return { ...request, body: request.body.bytes, source: replayOf(exchange, false) }
}

function replayOf({ id }: CapturedExchange, isEdited: boolean): ExchangeSource {
  return { kind: 'replay', of: id, isEdited }
}

/** A body that was cut is not the one that came; nobody sends it without knowing. */
async function agreesToCut(
  { request: { body } }: CapturedExchange,
  edited?: EditedRequest,
): Promise<boolean> {
  const isWhole = body.bytes.length === body.size
  if (isWhole || (edited !== undefined && edited.body !== body.bytes)) return true
  const kept = body.bytes.length.toLocaleString('en')
  const detail = `Only the first ${kept} of ${body.size.toLocaleString('en')} bytes of the body were kept.`
  const send = 'Send What Was Kept'
  return (
    (await window.showWarningMessage('The request is not whole.', { modal: true, detail }, send)) === send
  )
}

function notExposed(app: string | undefined): Failure {
  return new Failure({
    kind: 'replay-not-exposed',
    hop: 'local app',
    message: `The request was not sent: ${app === undefined ? 'its port' : `port ${app}`} is not exposed now.`,
    advice: 'Expose the port, and send the request then.',
    canHeal: false,
  })
}
