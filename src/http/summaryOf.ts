import type { CapturedExchange, ExchangeSummary } from './capturedExchange'
import { valuesOf } from './exchange'
import { maskUrl } from './mask/maskParameters'

/** What a list shows of an exchange; secrets in the query are masked. */
export function summaryOf(exchange: CapturedExchange): ExchangeSummary {
  const { id, tunnelId, source, at, visitorAddress, request, response, state, note, webSocket } = exchange
  return {
    ...{ id, tunnelId, source, at, visitorAddress, state, note },
    method: request.method,
    target: maskUrl(request.target),
    status: response?.status,
    isOurs: response?.isOurs ?? false,
    contentType: response === undefined ? '' : (valuesOf(response.fields, 'content-type')[0] ?? ''),
    requestBytes: request.body.size,
    responseBytes: response?.body.size ?? 0,
    firstByteMs: exchange.firstByteMs,
    endMs: exchange.endMs,
    webSocketMessages: webSocket === undefined ? undefined : webSocket.messages.length + webSocket.cut,
  }
}
