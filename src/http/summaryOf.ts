import type { CapturedExchange, ExchangeSummary } from './capturedExchange'
import { valuesOf } from './exchange'

/** What a list shows of an exchange. */
export function summaryOf(exchange: CapturedExchange): ExchangeSummary {
  const { id, tunnelId, source, at, visitorAddress, request, response, state, note, webSocket } = exchange
  return {
    ...{ id, tunnelId, source, at, visitorAddress, state, note },
    method: request.method,
    target: request.target,
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
