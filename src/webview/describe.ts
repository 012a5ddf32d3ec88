import type { ExchangeSource, ExchangeSummary } from '../http/capturedExchange'
import { formatBytes, formatDuration, plural, spokenAge } from './format'

/** A mark beside an exchange that did not come from a visitor, or that the app has not answered. */
export interface Mark {
  /** Of the codicons. */
  readonly icon: string
  readonly text: string
}

/** What a screen reader says of a row. */
export function spokenRow(one: ExchangeSummary, now: number): string {
  const parts = [
    `${one.method} ${one.target}`,
    spokenStatus(one),
    ...(one.endMs === undefined ? [] : [formatDuration(one.endMs)]),
    formatBytes(one.responseBytes),
    spokenAge(now - one.at),
    ...marksOf(one).map(({ text }) => text),
  ]
  return parts.join(', ')
}

export function spokenStatus({ status, state }: Pick<ExchangeSummary, 'status' | 'state'>): string {
  const answered = status === undefined ? [] : [String(status)]
  switch (state) {
    case 'open':
      return [...answered, status === undefined ? 'no answer yet' : 'still running'].join(', ')
    case 'complete':
      return answered[0] ?? 'no answer'
    case 'visitor left':
      return [...answered, 'the visitor left'].join(', ')
    case 'broken off':
      return [...answered, 'broken off'].join(', ')
  }
}

export function marksOf(one: ExchangeSummary): Mark[] {
  const { source, isOurs, webSocketMessages, state } = one
  return [
    ...markOfSource(source),
    ...(isOurs ? [{ icon: 'shield', text: 'answered by Expose Port, not by the app' }] : []),
    ...(webSocketMessages === undefined
      ? []
      : [{ icon: 'arrow-swap', text: `WebSocket, ${plural(webSocketMessages, 'message')}` }]),
    ...(state === 'visitor left' ? [{ icon: 'debug-disconnect', text: 'the visitor left' }] : []),
    ...(state === 'broken off' ? [{ icon: 'warning', text: 'the answer broke off' }] : []),
  ]
}

function markOfSource(source: ExchangeSource): Mark[] {
  switch (source.kind) {
    case 'visitor':
      return []
    case 'replay':
      return source.isEdited
        ? [{ icon: 'edit', text: 'edited and replayed' }]
        : [{ icon: 'debug-restart', text: 'replayed' }]
    case 'import':
      return [{ icon: 'file', text: `from ${source.file}` }]
    case 'test':
      return [{ icon: 'beaker', text: `test: ${source.what}` }]
  }
}
