import type { ShownContent } from './body/shownBody'
import type { CapturedMessage, ExchangeSummary } from './capturedExchange'
import type { AnswerComparison } from './compare/comparison'
import type { EditProblem } from './edit/requestEdit'
import type { HttpProtocol } from './field'

/** What the extension tells the inspector's page. Every value is plain and may be cloned. */
export type ToInspector =
  /** Takes the place of all that was told before. */
  | {
      readonly kind: 'all'
      /** Another one means another life of the extension: numbers of exchanges begin anew. */
      readonly life: string
      readonly exchanges: readonly ExchangeSummary[]
      readonly tunnels: readonly ShownTunnel[]
      readonly capture: ShownCapture
    }
  | {
      readonly kind: 'changed'
      readonly exchanges: readonly ExchangeSummary[]
      readonly removed: readonly number[]
      readonly capture: ShownCapture
    }
  | { readonly kind: 'tunnels'; readonly tunnels: readonly ShownTunnel[] }
  /** The selected exchange; again when it has changed. */
  | { readonly kind: 'shown'; readonly exchange: ShownExchange }
  /** The selected exchange has given way to newer ones. */
  | { readonly kind: 'gone'; readonly id: number }
  /** To be selected by the page: the answer to a replay has come, or a command wants it seen. */
  | { readonly kind: 'select'; readonly id: number }
  | { readonly kind: 'edit'; readonly draft: Draft }
  /** Why the draft cannot be sent. */
  | { readonly kind: 'problems'; readonly problems: readonly EditProblem[] }
  /** Only this tunnel's exchanges are wanted. */
  | { readonly kind: 'only'; readonly tunnelId: number }

/** What the page asks for. It comes from outside, and is read by a validator. */
export type FromInspector =
  | { readonly kind: 'ready' }
  | { readonly kind: 'select'; readonly id?: number | undefined }
  | { readonly kind: 'show secrets'; readonly id: number; readonly isShown: boolean }
  | { readonly kind: 'replay'; readonly id: number }
  | { readonly kind: 'replay often'; readonly id: number }
  | { readonly kind: 'edit'; readonly id: number }
  | { readonly kind: 'replay edited'; readonly edited: Edited }
  | { readonly kind: 'copy cURL'; readonly id: number }
  | { readonly kind: 'copy .http'; readonly id: number }
  | { readonly kind: 'save HAR'; readonly ids: readonly number[] }
  | { readonly kind: 'import HAR' }
  | { readonly kind: 'open body'; readonly id: number; readonly of: 'request' | 'response' }
  | { readonly kind: 'clear'; readonly tunnelId?: number | undefined }
  | { readonly kind: 'pause'; readonly isPaused: boolean }
  | { readonly kind: 'copy URL'; readonly tunnelId: number }
  | { readonly kind: 'expose' }
  | { readonly kind: 'test event'; readonly tunnelId?: number | undefined }

export interface ShownTunnel {
  readonly id: number
  /** Its public URL, or the server that is about to give it one. */
  readonly title: string
  /** `3000`, or `db.lan:5432`. */
  readonly app: string
  readonly isOpen: boolean
  readonly numbers: ShownNumbers | undefined
}

/** The numbers of a tunnel, ready to be added up. */
export interface ShownNumbers {
  readonly visitorsNow: number
  readonly requests: number
  readonly errors: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined
}

export interface ShownCapture {
  /** False where the settings say that nothing is captured. */
  readonly isOn: boolean
  readonly isPaused: boolean
  /** How many exchanges gave way to newer ones. */
  readonly leftOut: number
}

export interface ShownExchange {
  readonly summary: ExchangeSummary
  readonly protocol: HttpProtocol
  readonly host: string
  readonly request: ShownPart
  readonly response: ShownResponse | undefined
  readonly messages: ShownMessages | undefined
  readonly secrets: 'none' | 'masked' | 'shown'
  /** Of a replay: how the answer differs from the original's. */
  readonly comparison: ShownComparison | undefined
}

export interface ShownPart {
  readonly fields: readonly ShownField[]
  readonly body: ShownBody
  readonly trailers: readonly ShownField[]
}

export interface ShownResponse extends ShownPart {
  readonly status: number
  readonly reason: string
  readonly isOurs: boolean
  readonly informed: readonly { readonly status: number; readonly fields: readonly ShownField[] }[]
}

export interface ShownField {
  readonly name: string
  readonly value: string
  readonly isMasked: boolean
}

export interface ShownBody {
  /** As its type says it is to be read; its beginning where it is long. */
  readonly content: ShownContent
  /** Decoded as Content-Encoding says; its beginning where it is long. */
  readonly bytes: Uint8Array
  /** Bytes as they were sent, and decoded. */
  readonly size: number
  readonly decodedSize: number
  /** From Content-Type, in small letters, without parameters. */
  readonly mediaType: string
  /** What it was decoded from, e.g. `gzip`. */
  readonly encodings: readonly string[]
  /** What is not as it was, in words for a person: that it was cut, that it could not be decoded. */
  readonly remarks: readonly string[]
}

export interface ShownMessages {
  readonly messages: readonly CapturedMessage[]
  readonly cut: number
}

export interface ShownComparison {
  /** The original. */
  readonly of: number
  /** Undefined where the original has given way, or one of the two has no answer. */
  readonly answers: AnswerComparison | undefined
}

/** A request to be changed by a person. */
export interface Draft {
  readonly of: number
  readonly method: string
  readonly target: string
  readonly fields: readonly DraftField[]
  readonly body: DraftBody
  /** The fields by which the request is signed, if its provider is known. */
  readonly signature: string | undefined
  /** Whether that is to be made anew. */
  readonly resign: boolean
}

export interface DraftField extends ShownField {
  /** Its place among the original's fields. */
  readonly ofField: number | undefined
}

export type DraftBody =
  | { readonly as: 'text' | 'base64'; readonly text: string }
  /** Too long to be changed here, or with secrets that are masked. */
  | { readonly as: 'unchanged'; readonly size: number; readonly isHidden: boolean }

export interface Edited {
  readonly of: number
  readonly method: string
  readonly target: string
  readonly fields: readonly EditedField[]
  readonly body: { readonly as: 'text' | 'base64'; readonly text: string } | { readonly as: 'unchanged' }
  /** Whether the signature is to be made anew. */
  readonly resign: boolean
}

export interface EditedField {
  readonly name: string
  /** As it is now, or that of the original's field at this place: what was masked, the page has never seen. */
  readonly value: string | { readonly ofField: number }
}
