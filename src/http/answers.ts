import { badGatewayPage, type BadGatewayReason } from './badGatewayPage'
import { valuesOf, type Exchange } from './exchange'

/** Answers 502 with a page that says why, or JSON for those who ask for it. */
export function answerBadGateway(exchange: Exchange, reason: BadGatewayReason): void {
  const { fields } = exchange.request
  const { contentType, body } = badGatewayPage(reason, valuesOf(fields, 'accept').join(','))
  answer(exchange, { status: 502, reason: 'Bad Gateway', contentType, body })
}

/** Answers with a status and its name. */
export function answerStatus(exchange: Exchange, status: number, reason: string): void {
  answer(exchange, {
    status,
    reason,
    contentType: 'text/plain; charset=utf-8',
    body: `${status} ${reason}\n`,
  })
}

function answer(
  { request, response }: Exchange,
  {
    status,
    reason,
    contentType,
    body,
  }: { status: number; reason: string; contentType: string; body: string },
): void {
  // What the visitor still sends must not stand in the way of the next request.
  request.body.on('error', () => undefined).resume()
  const out = response.begin(status, reason, [
    ['Content-Type', contentType],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
  ])
  if (request.method !== 'HEAD') out.write(body)
  response.end([])
}
