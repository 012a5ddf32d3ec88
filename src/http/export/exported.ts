import type { CapturedBody, CapturedExchange } from '../capturedExchange'

/** An exchange on its way into a file, and what is to be said of it there. */
export interface Exported {
  readonly exchange: CapturedExchange
  /** Without a path. */
  readonly origin: string
  /** Secrets of it are masked. */
  readonly isMasked: boolean
}

/** What an export has to say of a body that is not all there; undefined for one that is. */
export function cutRemark(what: 'request' | 'response', { bytes, size }: CapturedBody): string | undefined {
  if (bytes.length >= size) return undefined
  return `The ${what} body was cut: only the first ${bytes.length} of ${size} bytes were kept.`
}

export const maskedRemark = 'Secrets are masked: put yours in the place of •••.'
