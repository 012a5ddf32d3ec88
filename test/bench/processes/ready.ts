import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, fail, requestOf } from './request'

export interface ReadyRequest {
  readonly command: string
  readonly args: readonly string[]
  /** Where to, on loopback, a visitor is to come through. */
  readonly port: number
  /** Said once it has written something: its own start does not count then. */
  readonly line: string | undefined
}

export interface ReadyAnswer {
  /** From the start, or from the line, until a visitor could connect. */
  readonly ms: number
}

answer(measure(requestOf() as ReadyRequest))

async function measure({ command, args, port, line }: ReadyRequest): Promise<ReadyAnswer> {
  let since = performance.now()
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.once('exit', (code) => fail(new Error(`${command} ended with ${code ?? 'a signal'}`)))
  if (line !== undefined) {
    await once(child.stdout, 'data')
    since = performance.now()
    child.stdin.write(`${line}\n`)
  }
  while (!(await answers(port))) await sleep(1)
  const ms = performance.now() - since
  child.removeAllListeners('exit').kill()
  await once(child, 'exit')
  return { ms }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', () => resolve(false)).once('connect', () => resolve(true))
    socket.once('connect', () => socket.destroy())
  })
}
