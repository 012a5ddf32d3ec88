import type { Socket } from 'node:net'
import { join } from '../base/join'
import type { Accept } from '../base/visitor'
import { dialLocal, dialLocalTls } from '../ports/dialLocal'
import type { LocalApp } from './localApp'

/**
 * The last stage: joins each visitor to the local app, both ways, with back-pressure and half-close. An app that
 * cannot be reached ends the visitor, so that the proxy in front answers 502.
 */
export function toLocal(app: LocalApp, report: { onAnswer(): void; onNoAnswer(error: Error): void }): Accept {
  return ({ stream }) => {
    const socket: Socket = app.protocol === 'https' ? dialLocalTls(app) : dialLocal(app)
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
