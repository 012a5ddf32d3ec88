import type { Field, HttpProtocol } from './field'

/**
 * What is kept of one exchange, as plain values: they pass to the webview as they are. A new value takes the place of
 * the old one when something has come; none is ever changed.
 */
export interface CapturedExchange {
  /** Tells the exchanges of a window apart; a later one has a greater number. */
  readonly id: number
  readonly tunnelId: number
  readonly source: ExchangeSource
  /** When its head had come, in milliseconds since the epoch. */
  readonly at: number
  /** Who called, as far as the way tells; empty where it does not. */
  readonly visitorAddress: string
  readonly protocol: HttpProtocol
  readonly request: CapturedRequest
  /** Undefined until there is an answer. */
  readonly response: CapturedResponse | undefined
  readonly state: ExchangeState
  /** In milliseconds since `at`; undefined until then. */
  readonly firstByteMs: number | undefined
  readonly endMs: number | undefined
  /** What the gate did with it by itself, in words for a person: why it was refused, that it was held. */
  readonly note: string | undefined
  /** Undefined where the exchange did not become a WebSocket. */
  readonly webSocket: CapturedMessages | undefined
}

export type ExchangeSource =
  | { readonly kind: 'visitor' }
  | { readonly kind: 'replay'; readonly of: number; readonly isEdited: boolean }
  /** From a file. */
  | { readonly kind: 'import'; readonly file: string }
  /** A sample event, sent by the user. */
  | { readonly kind: 'test'; readonly what: string }

export type ExchangeState =
  /** The request or the answer, or both, are still coming. */
  | 'open'
  | 'complete'
  /** The visitor left before the end. */
  | 'visitor left'
  /** The answer broke off. */
  | 'broken off'

export interface CapturedRequest {
  readonly method: string
  /** A path with its query, or `*`. */
  readonly target: string
  /** What the visitor called, with the port if it is not the usual one. */
  readonly host: string
  readonly fields: readonly Field[]
  readonly body: CapturedBody
  readonly trailers: readonly Field[]
}

export interface CapturedResponse {
  readonly status: number
  readonly reason: string
  readonly fields: readonly Field[]
  readonly body: CapturedBody
  readonly trailers: readonly Field[]
  /** Answered by the gate itself: the app has not seen the request, or gave no proper answer. */
  readonly isOurs: boolean
  /** Statuses of 1xx that came before. */
  readonly informed: readonly { readonly status: number; readonly fields: readonly Field[] }[]
}

export interface CapturedBody {
  /** Its beginning; all of it when it has `size` bytes. */
  readonly bytes: Uint8Array
  /** How many bytes there were, so far. */
  readonly size: number
}

/** Messages under an upgrade, oldest first. */
export interface CapturedMessages {
  readonly messages: readonly CapturedMessage[]
  /** How many of the oldest were left out. */
  readonly cut: number
}

export interface CapturedMessage {
  readonly from: 'visitor' | 'app'
  readonly kind: 'text' | 'binary' | 'ping' | 'pong' | 'close'
  /** In milliseconds since the epoch. */
  readonly at: number
  readonly body: CapturedBody
  /** The bytes are as they came, compressed (RFC 7692): they could not be made readable. */
  readonly isCompressed?: boolean
}

/** What a list shows of an exchange; small, for there may be thousands. */
export interface ExchangeSummary {
  readonly id: number
  readonly tunnelId: number
  readonly source: ExchangeSource
  readonly at: number
  readonly visitorAddress: string
  readonly method: string
  readonly target: string
  readonly state: ExchangeState
  /** Undefined until there is an answer. */
  readonly status: number | undefined
  readonly isOurs: boolean
  readonly contentType: string
  readonly requestBytes: number
  readonly responseBytes: number
  readonly firstByteMs: number | undefined
  readonly endMs: number | undefined
  readonly note: string | undefined
  readonly webSocketMessages: number | undefined
  /** What it is, where it is an event of a known provider of webhooks. */
  readonly event?: EventLabel | undefined
}

/** A webhook in a few words. */
export interface EventLabel {
  /** Who sends it: `Messenger`. */
  readonly provider: string
  /** Whom it is about, as the provider names them; may be empty. */
  readonly who: string
  /** `message “hi”`. */
  readonly what: string
  readonly signature: 'verified' | 'wrong' | 'missing' | 'not checked'
  /** Undefined while there is no answer. */
  readonly time: AnswerTime | undefined
}

/** How long a provider waited for the answer. All in milliseconds. */
export interface AnswerTime {
  readonly ms: number
  /** From where on it counts as slow, and when the provider gives up. */
  readonly slowMs: number
  readonly limitMs: number
}
