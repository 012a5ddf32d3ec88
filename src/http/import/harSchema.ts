import * as v from 'valibot'

/**
 * What is read of a HAR. Programs leave out much of what the specification asks for, so little is asked for here;
 * what is not as expected and is not needed counts as absent.
 */
export const harSchema = v.object({ log: v.object({ entries: v.array(v.unknown()) }) })

const text = v.fallback(v.string(), '')
const number = v.fallback(v.pipe(v.number(), v.finite()), -1)
const pairs = v.fallback(v.array(v.object({ name: v.string(), value: text })), [])
const encoding = v.fallback(v.optional(v.string()), undefined)
const fullSize = v.fallback(v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), undefined)

const postDataSchema = v.object({
  mimeType: text,
  text: v.fallback(v.optional(v.string()), undefined),
  params: v.fallback(v.optional(pairs), undefined),
  encoding,
  _encoding: encoding,
  _fullSize: fullSize,
})

const messageSchema = v.object({
  type: v.picklist(['send', 'receive']),
  time: v.number(),
  opcode: v.number(),
  data: v.string(),
})

export const entrySchema = v.object({
  startedDateTime: v.pipe(v.string(), v.transform(Date.parse), v.finite()),
  time: number,
  request: v.object({
    method: v.string(),
    url: v.string(),
    _target: v.fallback(v.optional(v.pipe(v.string(), v.regex(/^(?:\*|\/[!-~\x80-\xff]*)$/))), undefined),
    httpVersion: text,
    headers: pairs,
    postData: v.fallback(v.optional(v.nullable(postDataSchema)), undefined),
    _trailers: pairs,
  }),
  response: v.fallback(
    v.optional(
      v.object({
        status: v.number(),
        statusText: text,
        headers: pairs,
        content: v.fallback(v.object({ text, encoding, _fullSize: fullSize }), {
          text: '',
          encoding: undefined,
          _fullSize: undefined,
        }),
        _trailers: pairs,
      }),
    ),
    undefined,
  ),
  timings: v.fallback(v.optional(v.object({ wait: number, receive: number })), undefined),
  comment: v.fallback(v.optional(v.string()), undefined),
  _visitorAddress: text,
  _webSocketMessages: v.fallback(v.optional(v.array(messageSchema)), undefined),
})

export type ReadEntry = v.InferOutput<typeof entrySchema>
