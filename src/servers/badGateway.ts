import type { Socket } from 'node:net'
import { gateAnswers, gatePage } from '../http/gatePage'

/**
 * Answers a visitor's HTTP request with 502 and closes: a page, or JSON for those who ask for it.
 * `head` is what has been read of the request already; the rest is waited for, because the answer depends on it.
 */
export function badGateway(
  visitor: Socket,
  reason: 'noTunnel' | 'noAnswer',
  head: Buffer = Buffer.alloc(0),
): void {
  if (visitor.destroyed) return
  // A visitor who neither speaks nor leaves must not hold the socket.
  visitor.setTimeout(patienceMs, () => visitor.destroy())
  const answer = () => {
    visitor.off('data', onData).off('end', answer).resume()
    visitor.end(response(head.toString('latin1'), reason))
  }
  const isComplete = () => head.includes('\r\n\r\n') || head.length >= longestHead
  const onData = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    if (isComplete()) answer()
  }
  if (isComplete() || visitor.readableEnded) answer()
  else visitor.on('data', onData).once('end', answer).resume()
}

const patienceMs = 5000
const longestHead = 16 * 1024

function response(head: string, reason: 'noTunnel' | 'noAnswer'): string {
  const accept = /^accept:(.*)$/im.exec(head)?.[1] ?? ''
  const { contentType, body } = gatePage(gateAnswers[reason], accept)
  const lines = [
    'HTTP/1.1 502 Bad Gateway',
    `content-type: ${contentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n${head.startsWith('HEAD ') ? '' : body}`
}
