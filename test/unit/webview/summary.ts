import type { ExchangeSummary } from '../../../src/http/capturedExchange'

/** What a list shows of an exchange, with what a test does not care for filled in. */
export function summary(of: Partial<ExchangeSummary> = {}): ExchangeSummary {
  return {
    id: 1,
    tunnelId: 1,
    source: { kind: 'visitor' },
    at: 1_700_000_000_000,
    visitorAddress: '',
    method: 'GET',
    target: '/',
    state: 'complete',
    status: 200,
    isOurs: false,
    contentType: '',
    requestBytes: 0,
    responseBytes: 0,
    firstByteMs: 5,
    endMs: 7,
    note: undefined,
    webSocketMessages: undefined,
    ...of,
  }
}
