import type { CapturedMessage, CapturedMessages } from './capturedExchange'
import { tokensOf, type Field, type HttpRequest } from './exchange'
import { Inflation } from './inflation'
import { FrameReader, type FramedMessage } from './webSocketFrames'

/** The messages of a WebSocket, as they pass. */
export interface WebSocketTrace {
  fromVisitor(chunk: Uint8Array): void
  fromApp(chunk: Uint8Array): void
  readonly now: CapturedMessages
  /** Nothing more comes. */
  end(): void
  /** Nobody will look. */
  letGo(): void
}

/** Undefined where the app has switched to another protocol. */
export function webSocketTrace(options: {
  readonly request: Pick<HttpRequest, 'upgrade'>
  /** The fields of the app's 101. */
  readonly answer: readonly Field[]
  /** Kept of each message; of all together twice as much. */
  readonly mostBytes: number
  readonly now: () => number
  readonly onChange: () => void
}): WebSocketTrace | undefined {
  const { answer, mostBytes, now, onChange } = options
  if (!tokensOf(answer, 'upgrade').includes('websocket')) return undefined
  const extensions = tokensOf(answer, 'sec-websocket-extensions')
  const mayBeCompressed = extensions.some((extension) => /^permessage-deflate *(?:;|$)/.test(extension))
  const kept = new KeptMessages(2 * mostBytes)
  const side = (from: CapturedMessage['from']) => {
    const inflation = new Inflation(mostBytes)
    const onMessage = ({ kind, body, isCompressed }: FramedMessage) => {
      const message = { from, kind, at: now(), body }
      const place = kept.add(isCompressed ? { ...message, isCompressed } : message)
      onChange()
      if (!isCompressed) return
      inflation.add(body, (readable) => {
        kept.replace(place, { ...message, body: readable })
        onChange()
      })
    }
    const isMasked = from === 'visitor'
    return { inflation, reader: new FrameReader({ isMasked, mayBeCompressed, mostBytes, onMessage }) }
  }
  const [visitor, app] = [side('visitor'), side('app')]
  let isWanted = true
  return {
    fromVisitor: (chunk) => {
      if (isWanted) visitor.reader.add(chunk)
    },
    fromApp: (chunk) => {
      if (isWanted) app.reader.add(chunk)
    },
    get now() {
      return kept.now
    },
    end: () => {
      visitor.inflation.end()
      app.inflation.end()
    },
    letGo: () => {
      isWanted = false
      visitor.inflation.giveUp()
      app.inflation.giveUp()
      kept.letGo()
    },
  }
}

interface Place {
  message: CapturedMessage
}

/** The latest messages, oldest first; the oldest give way. */
class KeptMessages {
  private places: Place[] = []
  private bytes = 0
  private cut = 0

  constructor(private readonly mostBytes: number) {}

  get now(): CapturedMessages {
    return { messages: this.places.map(({ message }) => message), cut: this.cut }
  }

  add(message: CapturedMessage): Place {
    const place = { message }
    this.places.push(place)
    this.bytes += message.body.bytes.length
    this.makeRoom()
    return place
  }

  replace(place: Place, message: CapturedMessage): void {
    if (!this.places.includes(place)) return
    this.bytes += message.body.bytes.length - place.message.body.bytes.length
    place.message = message
    this.makeRoom()
  }

  letGo(): void {
    this.cut += this.places.length
    this.places = []
    this.bytes = 0
  }

  private makeRoom(): void {
    while (this.places.length > mostMessages || (this.bytes > this.mostBytes && this.places.length > 1)) {
      this.bytes -= this.places.shift()?.message.body.bytes.length ?? 0
      this.cut++
    }
  }
}

const mostMessages = 500
