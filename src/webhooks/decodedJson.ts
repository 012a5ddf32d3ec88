import type { CapturedRequest } from '../http/capturedExchange'

/** A body as JSON; undefined when it is none, or was not kept whole. */
export function decodedJson({ body }: Pick<CapturedRequest, 'body'>): unknown {
  if (body.bytes.length < body.size) return undefined
  try {
    return JSON.parse(Buffer.from(body.bytes).toString()) as unknown
  } catch {
    return undefined
  }
}
