import type { Duplex } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { Cancelled } from '../../base/failure'
import type { Transport } from '../../ssh/transport'
import { readStatus } from './command'
import { failures } from './failures'
import { Lines } from './output'

export interface Ran {
  readonly code: number
  readonly printed: readonly string[]
}

export interface RunOptions {
  readonly command: string
  readonly input: string
  /**
   * Whether the input stays open for as long as the command runs. Its end is then the sign to stop, given when `signal`
   * is aborted; what the command does after that is waited for.
   */
  readonly staysOpen?: boolean
  readonly onLine?: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Runs a command of command.ts and waits for its end.
 * @throws Cancelled when aborted, once the command has ended; Failure when the server runs none, or is lost.
 */
export async function runThere(transport: SessionSource, options: RunOptions): Promise<Ran> {
  const { command, input, staysOpen = false, onLine = () => undefined, signal } = options
  const isAborted = () => signal.aborted
  if (isAborted()) throw new Cancelled()
  const destination = transport.settings.hostName
  const channel = await transport.openSession({ exec: command }).catch((error: unknown) => {
    throw failures.noExec(destination, error)
  })
  const stop = () => (staysOpen ? channel.end() : channel.destroy())
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (staysOpen) channel.write(input)
    else channel.end(input)
    // It may have been aborted while the session was being opened.
    if (isAborted()) stop()
    const printed: string[] = []
    let code: number | undefined
    await readLines(channel, (line) => {
      code ??= readStatus(line)
      // Nobody reads there any more.
      if (code !== undefined) return void channel.end()
      if (printed.push(line) > mostLines) printed.shift()
      onLine(line)
    })
    if (isAborted()) throw new Cancelled()
    if (code === undefined && !transport.isOpen) throw failures.connectionLost(destination)
    if (code === undefined) throw failures.noAnswer(destination, printed.join('\n'))
    return { code, printed }
  } finally {
    signal.removeEventListener('abort', stop)
    channel.destroy()
  }
}

/** What of a transport is needed here. */
export type SessionSource = Pick<Transport, 'openSession' | 'settings' | 'isOpen'>

const mostLines = 5000

function readLines(channel: Duplex, onLine: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder('utf8')
  const lines = new Lines(onLine)
  return new Promise((resolve) => {
    channel.on('data', (chunk: Buffer) => lines.add(decoder.write(chunk)))
    channel.once('close', () => {
      lines.add(decoder.end())
      lines.end()
      resolve()
    })
  })
}
