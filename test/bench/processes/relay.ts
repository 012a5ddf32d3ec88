import { connect, createServer, type Socket } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { requestOf } from './request'

export interface RelayRequest {
  readonly port: number
  readonly toPort: number
  readonly oneWayMs: number
}

/** What the thread that waits is told. */
interface Alarm {
  /** When to ring, in milliseconds since the machine began. */
  readonly at: Float64Array
  /** Counts how often it was set. */
  readonly setting: Int32Array
}

if (isMainThread) relay(requestOf() as RelayRequest)
else ring(workerData as Alarm)

/** A long path on loopback: each byte arrives `oneWayMs` later, in order, at whatever rate it comes. */
function relay({ port, toPort, oneWayMs }: RelayRequest): void {
  let onTheWay: Late[] = []
  const setAlarm = alarmFor(() => {
    const now = clockMs()
    const due = onTheWay.findIndex(({ at }) => at > now)
    const arrived = due === -1 ? onTheWay : onTheWay.slice(0, due)
    onTheWay = due === -1 ? [] : onTheWay.slice(due)
    const receivers = new Set(arrived.map(({ to }) => to))
    for (const to of receivers) to.cork()
    for (const { to, chunk } of arrived) {
      if (chunk === undefined) to.end()
      else to.write(chunk)
    }
    for (const to of receivers) to.uncork()
    if (onTheWay[0] !== undefined) setAlarm(onTheWay[0].at)
  })
  const delay = (from: Socket, to: Socket) => {
    const send = (chunk: Buffer | undefined) => {
      const at = clockMs() + oneWayMs
      if (onTheWay.push({ at, to, chunk }) === 1) setAlarm(at)
    }
    from.on('data', send).once('end', () => send(undefined))
  }
  createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ port: toPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    for (const socket of [near, far]) {
      socket.on('error', () => undefined).once('close', () => [near, far].forEach((one) => one.destroy()))
    }
    delay(near, far)
    delay(far, near)
  }).listen(port, '127.0.0.1', () => console.log('ready'))
}

interface Late {
  readonly at: number
  readonly to: Socket
  /** Undefined for the end. */
  readonly chunk: Buffer | undefined
}

/** Node's own timers ring at whole milliseconds: what takes less of both sides than that would not be seen. */
function alarmFor(onRing: () => void): (at: number) => void {
  const alarm: Alarm = {
    at: new Float64Array(new SharedArrayBuffer(8)).fill(Infinity),
    setting: new Int32Array(new SharedArrayBuffer(4)),
  }
  new Worker(__filename, { workerData: alarm }).on('message', onRing)
  return (at) => {
    alarm.at[0] = at
    Atomics.add(alarm.setting, 0, 1)
    Atomics.notify(alarm.setting, 0)
  }
}

function ring({ at, setting }: Alarm): never {
  for (;;) {
    const known = Atomics.load(setting, 0)
    const leftMs = (at[0] ?? Infinity) - clockMs()
    if (leftMs > 0) {
      Atomics.wait(setting, 0, known, leftMs)
      continue
    }
    at[0] = Infinity
    parentPort?.postMessage('')
  }
}

function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
