import type {
  CapturedBody,
  CapturedExchange,
  CapturedRequest,
  CapturedResponse,
} from '../../../src/http/capturedExchange'

export function body(content: string | Uint8Array, size?: number): CapturedBody {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return { bytes, size: size ?? bytes.length }
}

export function captured(
  request: Partial<CapturedRequest> = {},
  response: Partial<CapturedResponse> | undefined = {},
  other: Partial<CapturedExchange> = {},
): CapturedExchange {
  return {
    id: 1,
    tunnelId: 1,
    source: { kind: 'visitor' },
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    visitorAddress: '203.0.113.7',
    protocol: 'HTTP/1.1',
    request: {
      ...{ method: 'GET', target: '/', host: 'app.example.com', fields: [], body: body(''), trailers: [] },
      ...request,
    },
    response: {
      ...{ status: 200, reason: 'OK', fields: [], body: body(''), trailers: [], isOurs: false, informed: [] },
      ...response,
    },
    state: 'complete',
    firstByteMs: 12,
    endMs: 20,
    note: undefined,
    webSocket: undefined,
    ...other,
  }
}
