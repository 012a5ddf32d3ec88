import { createServer, Socket, type Server } from 'node:net'
import { requestOf } from './request'

/** All ports are on loopback. */
export interface AppRequest {
  /** Sends without end to whoever connects. */
  readonly sourcePort: number
  /** Takes and counts what anybody sends. */
  readonly sinkPort: number
  /** Answers each byte with a line of `AppCount`. */
  readonly countPort: number
}

export interface AppCount {
  /** Since the process began, of all connections. */
  readonly received: number
  /** By this process's clock, in milliseconds. */
  readonly at: number
  /** Connections of source and sink. */
  readonly open: number
}

const { sourcePort, sinkPort, countPort } = requestOf() as AppRequest
const chunk = Buffer.alloc(256 * 1024, 'expose port ')
const open = new Set<Socket>()
let received = 0

const servers = [
  serve(sourcePort, (socket) => {
    keep(socket)
    const send = () => {
      while (socket.writable && socket.write(chunk));
    }
    // A visitor who has gone is seen by the end of what they send: SSH has no word for one who reads no more.
    socket
      .on('drain', send)
      .once('end', () => socket.destroy())
      .resume()
    send()
  }),
  serve(sinkPort, (accepted) => {
    const socket = readingInPlace(accepted, (length) => (received += length))
    keep(socket)
    socket.on('end', () => socket.end()).resume()
  }),
  serve(countPort, (socket) => {
    socket
      .on('error', () => undefined)
      .on('data', () => {
        const count: AppCount = { received, at: performance.now(), open: open.size }
        socket.write(`${JSON.stringify(count)}\n`)
      })
      .resume()
  }),
]
void Promise.all(servers).then(() => console.log('ready'))

function serve(port: number, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, onConnection)
    server.listen({ port, host: '127.0.0.1', backlog: 4096 }, () => resolve(server))
  })
}

function keep(socket: Socket): void {
  open.add(socket)
  socket.on('error', () => undefined).once('close', () => open.delete(socket))
}

/**
 * Reads into one buffer again and again, as `onread` does for sockets that connect: new memory for each read would
 * cost the machine more than the forward that is measured leaves of it.
 */
function readingInPlace(accepted: Socket, onBytes: (length: number) => void): Socket {
  const { _handle: handle } = accepted as unknown as { _handle: unknown }
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: Buffer.allocUnsafe(256 * 1024),
      callback: (length: number) => {
        onBytes(length)
        return true
      },
    },
  }
  return new Socket(options)
}
