import type { Writable } from 'node:stream'
import { valuesOf, type Exchange, type Field } from './exchange'
import { gatePage, reasonPhrase, type GateAnswer } from './gatePage'

/**
 * Answers in the app's place, with a page that says why, or JSON for those who ask for it. The result finishes when the
 * answer is on its way.
 */
export function answerByGate(exchange: Exchange, said: GateAnswer): Writable {
  const { status, title, note = `${title}.`, fields = [] } = said
  const page = gatePage(said, valuesOf(exchange.request.fields, 'accept').join(','))
  return answer(exchange, { ...page, status, reason: reasonPhrase(status), note, fields })
}

/** Answers with a status and its name: to a request that no browser sends. */
export function answerStatus(
  exchange: Exchange,
  { status, reason, note }: { readonly status: number; readonly reason: string; readonly note: string },
): void {
  answer(exchange, {
    ...{ status, reason, note },
    contentType: 'text/plain; charset=utf-8',
    body: `${status} ${reason}\n`,
  })
}

/** Answers in the app's place, and says so to whoever keeps the exchange. */
export function answer(
  { request, response }: Exchange,
  own: {
    readonly status: number
    readonly reason: string
    readonly contentType: string
    readonly body: string
    /** Besides Content-Type, Content-Length and Cache-Control. */
    readonly fields?: readonly Field[]
    /** Why, in words for the person whose app it is. */
    readonly note: string
  },
): Writable {
  response.note?.({ text: own.note, isAnswer: true })
  // What the visitor still sends must not stand in the way of the next request.
  request.body.on('error', () => undefined).resume()
  const out = response.begin(own.status, own.reason, [
    ['Content-Type', own.contentType],
    ['Content-Length', String(Buffer.byteLength(own.body))],
    ['Cache-Control', 'no-store'],
    ...(own.fields ?? []),
  ])
  if (request.method !== 'HEAD') out.write(own.body)
  response.end([])
  return out
}
