import { Failure } from '../base/failure'
import type { LocalApp } from './localApp'

/** The tunnel is closed, or has not stood yet. */
export function notExposed({ port }: LocalApp): Failure {
  return new Failure({
    kind: 'replay-not-exposed',
    hop: 'local app',
    message: `The request was not sent: port ${port} is not exposed now.`,
    advice: 'Expose the port, and send the request then.',
    canHeal: false,
  })
}

/** Nothing on the way reads HTTP. */
export function notHttp({ port }: LocalApp): Failure {
  return new Failure({
    kind: 'replay-not-http',
    hop: 'local app',
    message: `The request was not sent: what passes to port ${port} is not read as HTTP.`,
    advice: 'Requests can be sent to apps that speak HTTP, where HTTPS does not end in the app.',
    canHeal: false,
  })
}
