import { randomBytes } from 'node:crypto'
import type { Log } from '../../base/log'
import { becomeRoot, type AskSudoPassword } from './becomeRoot'
import { runCommand, runInput, type RootAccess } from './command'
import { failures } from './failures'
import { readGatewayStatus, readScriptLine, type GatewayStatus, type ScriptLine } from './output'
import { installArguments, keyArguments, type GatewayRequest } from './request'
import { runThere, type SessionSource } from './session'

export interface GatewayScriptOptions {
  /** Logged in as somebody who is root there or may use sudo. Stays the caller's. */
  readonly transport: SessionSource
  /** The text of `media/prepare-gateway.sh`. */
  readonly script: string
  readonly askPassword: AskSudoPassword
  readonly log: Log
  /** Hears each line as it comes. */
  readonly onLine?: (line: ScriptLine) => void
}

/** How a run ended that did all it should. */
export interface GatewayRun {
  /** One sentence. */
  readonly summary: string
  readonly warnings: readonly string[]
  /** All that was printed, for a person to read. */
  readonly text: string
}

/**
 * The script that makes a server a gateway, as it runs over a connection. Every method rejects with a Failure that says
 * what the script said, or with Cancelled when its signal was aborted: then the script has taken back what it did
 * (`uninstall` goes on to its end once it has begun).
 */
export class GatewayScript {
  /** Asked for once, then kept for as long as this object. */
  private access: Promise<RootAccess> | undefined

  constructor(private readonly options: GatewayScriptOptions) {}

  /** What `install` would do there, with each file it would write. Changes nothing. */
  plan(request: GatewayRequest, signal: AbortSignal): Promise<GatewayRun> {
    return this.run(['plan', ...installArguments(request)], signal)
  }

  /** Makes the server a gateway, or brings one up to date; what is right already is not touched. */
  install(request: GatewayRequest, signal: AbortSignal): Promise<GatewayRun> {
    return this.run(['install', ...installArguments(request)], signal)
  }

  addKey(publicKey: string, signal: AbortSignal): Promise<GatewayRun> {
    return this.run(['add-key', ...keyArguments([publicKey])], signal)
  }

  /** Tunnels that are open with it stay open. */
  removeKey(publicKey: string, signal: AbortSignal): Promise<GatewayRun> {
    return this.run(['remove-key', ...keyArguments([publicKey])], signal)
  }

  /** Puts back what was there before the first `install`. */
  uninstall(signal: AbortSignal): Promise<GatewayRun> {
    return this.run(['uninstall'], signal)
  }

  async status(signal: AbortSignal): Promise<GatewayStatus> {
    return readGatewayStatus((await this.execute(['status'], signal)).lines)
  }

  private async run(args: readonly string[], signal: AbortSignal): Promise<GatewayRun> {
    const { lines, printed, code } = await this.execute(args, signal)
    const done = lines.find((line) => line.kind === 'done')
    if (code !== 0 || done === undefined) {
      throw failures.endedEarly(this.options.transport.settings.hostName, code, lines)
    }
    return {
      summary: done.text,
      warnings: lines.flatMap((line) => (line.kind === 'warning' ? [line.text] : [])),
      text: printed.join('\n'),
    }
  }

  private async execute(args: readonly string[], signal: AbortSignal) {
    const { transport, script, log, onLine } = this.options
    const access = await this.becomeRoot(signal)
    const mark = `m${randomBytes(16).toString('hex')}`
    log.info(`prepare-gateway.sh ${args.join(' ')}`)
    const lines: ScriptLine[] = []
    const { code, printed } = await runThere(transport, {
      command: runCommand(access, mark),
      input: runInput(access, { mark, script, args: [...args, '--until-eof'] }),
      staysOpen: true,
      onLine: (text) => {
        const line = readScriptLine(text)
        lines.push(line)
        log.info(`  ${text}`)
        onLine?.(line)
      },
      signal,
    })
    if (lines.some((line) => line.kind === 'error')) throw failures.refused(lines)
    return { code, lines, printed }
  }

  private async becomeRoot(signal: AbortSignal): Promise<RootAccess> {
    const { transport, askPassword: ask } = this.options
    this.access ??= becomeRoot(transport, { ask, signal })
    try {
      return await this.access
    } catch (error) {
      // A question that was closed may be asked again.
      this.access = undefined
      throw error
    }
  }
}
