import { badGatewayNote, badGatewayPage, type BadGatewayReason } from './badGatewayPage'
import { valuesOf, type Exchange, type Field } from './exchange'

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
): void {
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
}

/** Answers 502 with a page that says why, or JSON for those who ask for it. */
export function answerBadGateway(exchange: Exchange, reason: BadGatewayReason): void {
  const { fields } = exchange.request
  const { contentType, body } = badGatewayPage(reason, valuesOf(fields, 'accept').join(','))
  answer(exchange, {
    ...{ status: 502, reason: 'Bad Gateway', contentType, body },
    note: badGatewayNote(reason),
  })
}

/** Answers with a status and its name. */
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
