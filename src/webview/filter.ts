import type { ExchangeSummary } from '../http/capturedExchange'

/** Which exchanges the list shows; empty parts let all through. */
export interface Filter {
  /** Words, each of which has to stand in what the list shows of an exchange; `-word` must not. */
  readonly text: string
  readonly statuses: readonly StatusClass[]
  readonly method: string
  readonly tunnelId: number | undefined
}

export const statusClasses = ['2xx', '3xx', '4xx', '5xx', 'none'] as const
export type StatusClass = (typeof statusClasses)[number]

export const noFilter: Filter = { text: '', statuses: [], method: '', tunnelId: undefined }

/** Those that pass, in the same order. */
export function filtered(exchanges: readonly ExchangeSummary[], filter: Filter): readonly ExchangeSummary[] {
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '' && word !== '-')
  const { statuses, method, tunnelId } = filter
  if (words.length === 0 && statuses.length === 0 && method === '' && tunnelId === undefined) return exchanges
  return exchanges.filter(
    (one) =>
      (tunnelId === undefined || one.tunnelId === tunnelId) &&
      (method === '' || one.method === method) &&
      (statuses.length === 0 || statuses.includes(statusClassOf(one))) &&
      hasWords(one, words),
  )
}

/** Switching protocols counts as well done; no answer, or one that broke off, as none. */
export function statusClassOf({ status, state }: Pick<ExchangeSummary, 'status' | 'state'>): StatusClass {
  if (status === undefined || state === 'broken off') return 'none'
  if (status < 300) return '2xx'
  if (status < 400) return '3xx'
  return status < 500 ? '4xx' : '5xx'
}

function hasWords(one: ExchangeSummary, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const { method, target, status, visitorAddress, contentType, source, note, event } = one
  const { provider, who, what } = event ?? {}
  const text = [method, target, status, visitorAddress, contentType, source.kind, note, provider, who, what]
    .join(' ')
    .toLowerCase()
  return words.every((word) => (word.startsWith('-') ? !text.includes(word.slice(1)) : text.includes(word)))
}
