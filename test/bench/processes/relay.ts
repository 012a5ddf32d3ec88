import { connect, createServer, type Socket } from 'node:net'
import { requestOf } from './request'

export interface RelayRequest {
  readonly port: number
  readonly toPort: number
  readonly oneWayMs: number
}

const { port, toPort, oneWayMs } = requestOf() as RelayRequest

/** A long path on loopback: each byte arrives `oneWayMs` later, in order, at whatever rate it comes. */
createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
  const far = connect({ port: toPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  for (const socket of [near, far]) {
    socket.on('error', () => undefined).once('close', () => [near, far].forEach((one) => one.destroy()))
  }
  delay(near, far)
  delay(far, near)
}).listen(port, '127.0.0.1', () => console.log('ready'))

interface Late {
  readonly at: number
  /** Undefined for the end. */
  readonly chunk: Buffer | undefined
}

function delay(from: Socket, to: Socket): void {
  let onTheWay: Late[] = []
  let timer: NodeJS.Timeout | undefined
  const deliver = () => {
    const now = performance.now()
    const due = onTheWay.findIndex(({ at }) => at > now)
    const arrived = due === -1 ? onTheWay : onTheWay.slice(0, due)
    onTheWay = due === -1 ? [] : onTheWay.slice(due)
    to.cork()
    for (const { chunk } of arrived) {
      if (chunk === undefined) to.end()
      else to.write(chunk)
    }
    to.uncork()
    timer = onTheWay[0] === undefined ? undefined : setTimeout(deliver, Math.max(0, onTheWay[0].at - now))
  }
  const send = (chunk: Buffer | undefined) => {
    onTheWay.push({ at: performance.now() + oneWayMs, chunk })
    timer ??= setTimeout(deliver, oneWayMs)
  }
  from.on('data', send).once('end', () => send(undefined))
}
