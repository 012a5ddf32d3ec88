import { connect, type Socket } from 'node:net'
import { answer, fail, requestOf } from './request'

export interface RequestsRequest {
  readonly port: number
  readonly warmUpMs: number
  readonly windowMs: number
}

/** In milliseconds, each. */
export interface RequestsAnswer {
  readonly latencies: readonly number[]
}

const { port, warmUpMs, windowMs } = requestOf() as RequestsRequest
const get = Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)

answer(main())

/** One visitor, one request after the other on one connection. */
async function main(): Promise<RequestsAnswer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    .once('error', fail)
    .once('close', () => fail(new Error('the connection was closed')))
  const begin = performance.now() + warmUpMs
  const latencies: number[] = []
  for (let start = performance.now(); start < begin + windowMs; start = performance.now()) {
    await exchange(socket)
    if (start >= begin) latencies.push(performance.now() - start)
  }
  return { latencies }
}

function exchange(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let text = ''
    const onBytes = (bytes: Buffer) => {
      text += bytes.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
      if (text.length < head + 4 + length) return
      socket.off('data', onBytes)
      resolve()
    }
    socket.on('data', onBytes).write(get)
  })
}
