import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { join, joinEnds } from '../base/join'
import { readInto } from '../base/readInto'
import type { Accept } from '../base/visitor'
import { WritesPerTurn } from '../base/writesPerTurn'
import { dialLocal, dialLocalTls } from '../ports/dialLocal'
import type { LocalApp } from './localApp'

/**
 * The last stage: joins each visitor to the local app, both ways, with back-pressure and half-close. An app that
 * cannot be reached ends the visitor, so that the proxy in front answers 502.
 */
export function toLocal(app: LocalApp, report: { onAnswer(): void; onNoAnswer(error: Error): void }): Accept {
  return ({ stream }) => {
    const socket = app.protocol === 'https' ? joinTls(stream, app) : joinPlain(stream, app)
    let connected = false
    socket.once('connect', () => {
      connected = true
      report.onAnswer()
    })
    socket.once('error', (error) => {
      if (!connected) report.onNoAnswer(error)
    })
  }
}

function joinTls(visitor: Duplex, app: LocalApp): Socket {
  const socket = dialLocalTls(app)
  join(visitor, socket)
  return socket
}

function joinPlain(visitor: Duplex, app: LocalApp): Socket {
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
  const socket = dialLocal(app, { onread })
  joinEnds(visitor, socket)
  visitor.pipe(socket, { end: false })
  visitor.once('end', () => {
    // Once the app has said all, closing says the same as ending, and costs less.
    if (socket.readableEnded && socket.writableLength === 0) socket.destroy()
    else socket.end()
  })
  socket.once('end', () => visitor.end())
  // Not before: connecting puts back the method that this replaces.
  socket.once('connect', () => new WritesPerTurn(socket))
  return socket
}
