import { readFile } from 'node:fs/promises'
import { window } from 'vscode'
import type { DisposableStore } from '../base/disposable'
import type { Redactor } from '../base/redactor'
import type { AskSudoPassword } from '../servers/prepare/becomeRoot'
import type { GatewayRun, GatewayScript } from '../servers/prepare/gatewayScript'
import type { GatewayStatus, ScriptLine } from '../servers/prepare/output'
import type { Server } from '../servers/server'
import type { Transport } from '../ssh/transport'
import { hopText } from './hopText'
import type { PrepareServerParts } from './prepareServer'
import { inProgress } from './progress'

/** A login on a server that is a gateway or is to become one, with the script that runs there. */
export interface GatewayVisit {
  readonly ssh: string
  readonly transport: Transport
  readonly status: GatewayStatus
  /** Runs the script, with a notification that says at which step it is and can cancel it. */
  run(
    title: string,
    act: (script: GatewayScript, signal: AbortSignal) => Promise<GatewayRun>,
  ): Promise<GatewayRun>
}

/**
 * Logs in and asks whether the server is prepared; `session` keeps the connection.
 * @throws Failure where nobody may become root there; Cancelled.
 */
export function visitGateway(
  server: Server,
  session: DisposableStore,
  parts: PrepareServerParts,
): Promise<GatewayVisit> {
  const { tunnels, redactor, scriptPath, log } = parts
  const { ssh } = server.profile
  return inProgress(`Looking at ${ssh}`, async (say, signal) => {
    const [{ GatewayScript }, text] = await Promise.all([
      import('../servers/prepare/gatewayScript'),
      readFile(scriptPath, 'utf8'),
    ])
    const lent = await tunnels.connect(server, { signal, onHop: (hop) => say(hopText(hop, ssh)) })
    const { transport } = session.add(lent)
    say('asking whether it is prepared')
    let sayStep = (_text: string): void => undefined
    const script = new GatewayScript({
      ...{ transport, script: text, log },
      askPassword: askSudoPassword(redactor),
      onLine: (line) => sayStep(stepText(line)),
    })
    return {
      ...{ ssh, transport, status: await script.status(signal) },
      run: (title, act) =>
        inProgress(title, (sayHere, signalHere) => {
          sayStep = (step) => {
            if (step !== '') sayHere(step)
          }
          return act(script, signalHere)
        }),
    }
  })
}

function stepText(line: ScriptLine): string {
  return line.kind === 'step' ? `${line.number}/${line.of} ${line.title}` : ''
}

function askSudoPassword(redactor: Redactor): AskSudoPassword {
  return async ({ user, host, isRetry }) => {
    const password = await window.showInputBox({
      title: isRetry ? 'Wrong password, try again' : 'Password for sudo',
      prompt: `Password of ${user} on ${host}, for sudo. It is kept in memory until this is done, and nowhere else.`,
      password: true,
      ignoreFocusOut: true,
    })
    if (password !== undefined) redactor.add(password)
    return password
  }
}
