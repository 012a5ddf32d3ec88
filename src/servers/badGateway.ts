import type { Socket } from 'node:net'

type Reason = 'no tunnel' | 'no answer'

/**
 * Answers a visitor's HTTP request with 502 and closes: a page, or JSON for those who ask for it.
 * `head` is what has been read of the request already; the rest is waited for, because the answer depends on it.
 */
export function badGateway(visitor: Socket, reason: Reason, head: Buffer = Buffer.alloc(0)): void {
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

function response(head: string, reason: Reason): string {
  const wantsJson = /^accept:.*\bapplication\/(?:[\w.-]+\+)?json\b/im.test(head)
  const body = wantsJson
    ? `${JSON.stringify({ error: 'bad_gateway', reason, ...texts[reason] })}\n`
    : page(reason)
  const lines = [
    'HTTP/1.1 502 Bad Gateway',
    `content-type: ${wantsJson ? 'application/json' : 'text/html; charset=utf-8'}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n${head.startsWith('HEAD ') ? '' : body}`
}

const texts: Record<Reason, { title: string; detail: string }> = {
  'no tunnel': {
    title: 'Nothing is exposed here',
    detail: 'No open tunnel has this name. Expose the port again, and this address works again.',
  },
  'no answer': {
    title: 'The app does not answer',
    detail:
      'The tunnel is open, but nothing answers on its port. Start the app, and this address works again.',
  },
}

function page(reason: Reason): string {
  const { title, detail } = texts[reason]
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>:root{color-scheme:light dark}body{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}</style>
<h1>${title}</h1><p>${detail}</p><p><small>502 · Expose Port</small></p></html>
`
}
