import { once } from 'node:events'
import { connect } from 'node:net'
import { requestOf } from './request'

export interface IdleRequest {
  readonly port: number
  readonly visitors: number
}

/** Visitors who are there, and neither say nor read anything. */
const { port, visitors } = requestOf() as IdleRequest
const sockets = Array.from({ length: visitors }, () => connect({ port, host: '127.0.0.1' }))
void Promise.all(sockets.map((socket) => once(socket, 'connect'))).then(() => console.log('there'))
