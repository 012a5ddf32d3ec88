import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { join, joinEnds } from '../base/join'
import { readInto } from '../base/readInto'
import type { Accept } from '../base/visitor'
import { dialLocal, dialLocalTls } from '../ports/dialLocal'
import type { LocalApp } from './localApp'

interface Report {
  onAnswer(): void
  onNoAnswer(error: Error): void
}

/**
 * The last stage: joins each visitor to the local app, both ways, with back-pressure and half-close. An app that
 * cannot be reached ends the visitor, so that the proxy in front answers 502.
 */
export function toLocal(app: LocalApp, report: Report): Accept {
  return app.protocol === 'https' ? toTls(app, report) : toPlain(app, report)
}

function toTls(app: LocalApp, report: Report): Accept {
  return ({ stream }) => {
    const socket: Socket = dialLocalTls(app)
    let connected = false
    socket.once('connect', () => {
      connected = true
      report.onAnswer()
    })
    socket.once('error', (error) => {
      if (!connected) report.onNoAnswer(error)
    })
    join(stream, socket)
  }
}

function toPlain(app: LocalApp, report: Report): Accept {
  // Where `localhost` answered last: to try one address costs a third less than to be ready to try two.
  let answeredAt: string | undefined
  const enter = (visitor: Duplex, host: string) => {
    const socket = dialFor(visitor, { host, port: app.port })
    const leave = () => void socket.destroy()
    const onError = (error: Error) => {
      visitor.off('close', leave)
      if (visitor.destroyed) return
      if (host !== app.host) {
        answeredAt = undefined
        enter(visitor, app.host)
        return
      }
      visitor.destroy()
      report.onNoAnswer(error)
    }
    visitor.once('close', leave)
    socket.once('error', onError)
    socket.once('connect', () => {
      visitor.off('close', leave)
      socket.off('error', onError)
      if (host === 'localhost') answeredAt = socket.remoteAddress
      joinEnds(visitor, socket)
      visitor.pipe(socket)
      socket.once('end', () => visitor.end())
      report.onAnswer()
    })
  }
  return ({ stream }) => enter(stream, answeredAt ?? app.host)
}

/** What the app says goes to the visitor from the memory it was read into. */
function dialFor(visitor: Duplex, address: { readonly host: string; readonly port: number }): Socket {
  const keeps = !('copiesWhatItKeeps' in visitor)
  let isPaused = false
  const goOn = () => {
    if (!isPaused || visitor.writableLength > 0) return
    isPaused = false
    socket.resume()
  }
  const onread = readInto((chunk) => {
    visitor.write(keeps ? Buffer.from(chunk) : chunk, goOn)
    isPaused = visitor.writableLength > 0
    return !isPaused
  })
  const socket: Socket = dialLocal(address, { onread })
  return socket
}
