import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMsOf } from '../cpu'
import type { AppCount } from './app'
import { answer, fail, requestOf } from './request'

export interface BulkRequest {
  readonly direction: 'download' | 'upload'
  readonly port: number
  readonly visitors: number
  readonly warmUpMs: number
  readonly windowMs: number
  /** Of the app; see there. */
  readonly countPort: number
  /** Whose CPU time is of interest. */
  readonly cpuOf: number | undefined
}

export interface BulkAnswer {
  /** At the receiving end, within the window. */
  readonly bytes: number
  readonly ms: number
  /** Of the process asked for; 0 for none. */
  readonly cpuMs: number
}

const request = requestOf() as BulkRequest
const isDownload = request.direction === 'download'
const chunk = Buffer.alloc(256 * 1024, 'expose port ')
let downloaded = 0
let onArrival = (): void => undefined

answer(main())

async function main(): Promise<BulkAnswer> {
  const ask = askApp()
  const visitors = Array.from({ length: request.visitors }, isDownload ? download : upload)
  await sleep(request.warmUpMs)
  const before = await look(ask)
  await sleep(request.windowMs)
  const after = await look(ask)
  for (const visitor of visitors) visitor.destroy()
  await untilAllHaveGone(ask)
  return {
    bytes: after.bytes - before.bytes,
    ms: after.at - before.at,
    cpuMs: after.cpuMs - before.cpuMs,
  }
}

function download(): Socket {
  return connect({
    port: request.port,
    host: '127.0.0.1',
    onread: {
      buffer: Buffer.allocUnsafe(256 * 1024),
      callback: (length) => {
        downloaded += length
        onArrival()
        return true
      },
    },
  }).once('error', fail)
}

function upload(): Socket {
  const socket = connect({ port: request.port, host: '127.0.0.1' }).once('error', fail)
  const send = () => {
    while (socket.writable && socket.write(chunk));
  }
  return socket.once('connect', send).on('drain', send)
}

async function look(ask: () => Promise<AppCount>): Promise<{ bytes: number; at: number; cpuMs: number }> {
  // Over a long path bytes come in one burst each round trip: from one's beginning to another's they are whole.
  if (isDownload) await new Promise<void>((resolve) => (onArrival = resolve))
  const cpuMs = request.cpuOf === undefined ? 0 : cpuMsOf(request.cpuOf)
  if (isDownload) return { bytes: downloaded, at: performance.now(), cpuMs }
  const { received, at } = await ask()
  return { bytes: received, at, cpuMs }
}

/** What is still on its way must not get into the next measurement. */
async function untilAllHaveGone(ask: () => Promise<AppCount>): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (let { open } = await ask(); open > 0; { open } = await ask()) {
    if (performance.now() > deadline) {
      fail(new Error(`the app has ${open} visitors still, ${patienceMs} ms after all have gone`))
    }
    await sleep(20)
  }
}

const patienceMs = 10_000

function askApp(): () => Promise<AppCount> {
  const socket = connect({ port: request.countPort, host: '127.0.0.1', noDelay: true }).once('error', fail)
  const waiting: ((count: AppCount) => void)[] = []
  createInterface({ input: socket }).on('line', (line) => waiting.shift()?.(JSON.parse(line) as AppCount))
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      socket.write('?')
    })
}
