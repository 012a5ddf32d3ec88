import { codingsOf, decodeContent } from './body/contentCoding'
import { decodeBody, mostShown } from './body/decodeBody'
import type { ShownContent } from './body/shownBody'
import type { CapturedBody, CapturedExchange, CapturedMessage, CapturedMessages } from './capturedExchange'
import { compareAnswers } from './compare/compareAnswers'
import { contentTypeOf } from './contentType'
import type { Field } from './field'
import type {
  ShownBody,
  ShownComparison,
  ShownExchange,
  ShownField,
  ShownMessages,
} from './inspectorMessages'
import { maskContent } from './mask/maskContent'
import { maskUrl } from './mask/maskParameters'
import { maskFields } from './mask/maskSecrets'
import { summaryOf } from './summaryOf'

/** How much of a body the page is sent, in bytes and letters; an editor shows all of it. */
const mostSent = 256 * 1024
const mostMessages = 500

/**
 * An exchange as the inspector shows it: bodies decoded, secrets masked unless asked for. What is masked is not in the
 * result at all. Never rejects.
 */
export async function showExchange(
  exchange: CapturedExchange,
  options: {
    readonly secrets: 'masked' | 'shown'
    /** Of a replay, where it is still kept. */
    readonly original: CapturedExchange | undefined
  },
): Promise<ShownExchange> {
  const look = new Look(options.secrets === 'masked')
  const { request, response, webSocket } = exchange
  const summary = summaryOf(exchange)
  const shown = {
    protocol: exchange.protocol,
    host: request.host,
    request: await look.part(request),
    response:
      response === undefined
        ? undefined
        : {
            ...(await look.part(response)),
            ...{ status: response.status, reason: response.reason, isOurs: response.isOurs },
            informed: response.informed.map(({ status, fields }) => ({
              status,
              fields: look.fields(fields),
            })),
          },
    messages: webSocket === undefined ? undefined : look.messages(webSocket),
    comparison: await comparisonOf(exchange, options),
  }
  const target = look.text(request.target, maskUrl(request.target))
  return { ...shown, summary: { ...summary, target }, secrets: look.found ? options.secrets : 'none' }
}

async function comparisonOf(
  { source, state, response }: CapturedExchange,
  { secrets, original }: Parameters<typeof showExchange>[1],
): Promise<ShownComparison | undefined> {
  if (source.kind !== 'replay') return undefined
  const before = original?.response
  // What is still coming differs in its end, and a large one would be compared again and again.
  const isOver = before !== undefined && response !== undefined && state !== 'open'
  return {
    of: source.of,
    answers: isOver ? await compareAnswers(before, response, { secrets }) : undefined,
  }
}

/** Looks at parts of an exchange, and remembers whether there was a secret among them. */
class Look {
  found = false

  constructor(private readonly isMasking: boolean) {}

  text(open: string, masked: string): string {
    if (open !== masked) this.found = true
    return this.isMasking ? masked : open
  }

  fields(fields: readonly Field[]): ShownField[] {
    const masked = maskFields(fields)
    return fields.map(([name, value], index) => {
      const hidden = masked[index]?.[1] ?? value
      return { name, value: this.text(value, hidden), isMasked: this.isMasking && hidden !== value }
    })
  }

  async part(part: { fields: readonly Field[]; body: CapturedBody; trailers: readonly Field[] }): Promise<{
    fields: ShownField[]
    body: ShownBody
    trailers: ShownField[]
  }> {
    const body = await this.body(part.fields, part.body)
    return { fields: this.fields(part.fields), body, trailers: this.fields(part.trailers) }
  }

  messages({ messages, cut }: CapturedMessages): ShownMessages {
    const latest = messages.slice(-mostMessages)
    return {
      messages: latest.map((message) => this.message(message)),
      cut: cut + messages.length - latest.length,
    }
  }

  private message(message: CapturedMessage): CapturedMessage {
    if (message.kind !== 'text') return message
    return { ...message, body: { ...message.body, bytes: this.bytes([], message.body.bytes) } }
  }

  private async body(fields: readonly Field[], body: CapturedBody): Promise<ShownBody> {
    const { bytes } = await decodeContent(fields, body.bytes, mostShown)
    const seen = this.bytes(fields, bytes)
    const { content, remarks } = await decodeBody(fields, body, {
      secrets: this.isMasking ? 'masked' : 'shown',
    })
    return {
      content: beginningOf(content),
      // Memory of its own: a view into a larger piece would be posted with all of it.
      bytes: Uint8Array.from(seen.subarray(0, mostSent)),
      size: body.size,
      decodedSize: seen.length,
      mediaType: contentTypeOf(fields).type,
      encodings: codingsOf(fields),
      remarks,
    }
  }

  private bytes(fields: readonly Field[], open: Uint8Array): Uint8Array {
    const masked = maskContent(contentTypeOf(fields), open)
    if (masked !== open) this.found = true
    return this.isMasking ? masked : open
  }
}

function beginningOf(content: ShownContent): ShownContent {
  switch (content.kind) {
    case 'text':
    case 'json':
      return { ...content, text: content.text.slice(0, mostSent) }
    case 'binary':
      return { ...content, bytes: Uint8Array.from(content.bytes.subarray(0, mostSent)) }
    case 'empty':
    case 'form':
    case 'image':
      return content
  }
}
