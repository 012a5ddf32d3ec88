/** HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/) as far as it is written here. */
export interface Har {
  readonly log: {
    readonly version: '1.2'
    readonly creator: { readonly name: string; readonly version: string }
    readonly entries: readonly HarEntry[]
    readonly comment?: string
  }
}

/** Names with an underscore are not of the specification; it allows them. */
export interface HarEntry {
  readonly startedDateTime: string
  readonly time: number
  readonly request: HarRequest
  readonly response: HarResponse
  readonly cache: Record<string, never>
  readonly timings: HarTimings
  readonly comment?: string
  readonly _visitorAddress?: string
  readonly _resourceType?: 'websocket'
  readonly _webSocketMessages?: readonly HarMessage[]
}

export interface HarRequest extends HarMessageHead {
  readonly method: string
  readonly url: string
  /** Where the URL does not tell it. */
  readonly _target?: string
  readonly queryString: readonly HarPair[]
  readonly postData?: HarPostData
}

export interface HarResponse extends HarMessageHead {
  readonly status: number
  readonly statusText: string
  readonly content: HarContent
  readonly redirectURL: string
}

export interface HarMessageHead {
  readonly httpVersion: string
  readonly cookies: readonly HarPair[]
  readonly headers: readonly HarPair[]
  /** -1 where it is not known. */
  readonly headersSize: number
  readonly bodySize: number
  readonly _trailers?: readonly HarPair[]
}

export interface HarPair {
  readonly name: string
  readonly value: string
}

export interface HarPostData {
  readonly mimeType: string
  readonly text: string
  /** The specification knows it for answers only; here it is told where `text` cannot hold the bytes. */
  readonly _encoding?: 'base64'
  /** Of a body that was cut, in bytes. */
  readonly _fullSize?: number
  readonly comment?: string
}

export interface HarContent {
  readonly size: number
  readonly compression?: number
  readonly mimeType: string
  readonly text?: string
  readonly encoding?: 'base64'
  readonly _fullSize?: number
  readonly comment?: string
}

/** In milliseconds; -1 for what does not apply. */
export interface HarTimings {
  readonly blocked: number
  readonly dns: number
  readonly connect: number
  readonly send: number
  readonly wait: number
  readonly receive: number
  readonly ssl: number
}

/** As Chrome writes them. */
export interface HarMessage {
  readonly type: 'send' | 'receive'
  /** In seconds since the epoch. */
  readonly time: number
  /** RFC 6455 5.2. */
  readonly opcode: number
  /** Base64 unless it is a text. */
  readonly data: string
}
