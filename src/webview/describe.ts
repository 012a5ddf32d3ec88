import type { AnswerTime, EventLabel, ExchangeSource, ExchangeSummary } from '../http/capturedExchange'
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
    ...(one.event === undefined ? [] : [eventText(one.event)]),
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
  const { source, isOurs, webSocketMessages, state, event } = one
  return [
    ...markOfSource(source),
    ...marksOfEvent(event),
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

/** Who did what, as short as a row. */
export function eventText({ who, what }: Pick<EventLabel, 'who' | 'what'>): string {
  return who === '' ? what : `${what} · ${who}`
}

/** What a person should know of an event beside what it is: whether it is authentic, and answered in time. */
export function marksOfEvent(event: EventLabel | undefined): Mark[] {
  if (event === undefined) return []
  const { provider, signature, time } = event
  return [
    signatureMark(signature),
    ...(time === undefined || time.ms < time.slowMs
      ? []
      : [{ icon: 'watch', text: timeText(time, provider) }]),
  ]
}

function signatureMark(signature: EventLabel['signature']): Mark {
  switch (signature) {
    case 'verified':
      return { icon: 'verified', text: 'its signature is verified' }
    case 'wrong':
      return { icon: 'unverified', text: 'its signature is wrong' }
    case 'missing':
      return { icon: 'unverified', text: 'it has no signature' }
    case 'not checked':
      return { icon: 'question', text: 'its signature is not checked: the secret is not known here' }
  }
}

/** The time to answer against what the provider allows. */
export function timeText({ ms, slowMs, limitMs }: AnswerTime, provider: string): string {
  const limits = `${provider} wants it within ${slowMs / 1000} s and gives up after ${limitMs / 1000} s`
  const answered = `answered after ${formatDuration(ms)}`
  if (ms >= limitMs) return `${answered}, too late: ${limits}`
  return ms >= slowMs ? `${answered}, slow: ${limits}` : `${answered}: ${limits}`
}
