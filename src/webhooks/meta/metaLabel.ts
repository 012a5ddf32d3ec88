import * as v from 'valibot'
import { decodedJson } from '../decodedJson'
import type { Label, LabelledRequest } from '../provider'
import { shortened } from '../shortened'
import { judgeHubSignature } from '../signatures'

/** Who did what, in an event of one of Meta's objects; undefined when it is not one. */
export function metaLabel(object: string, { request, answers }: LabelledRequest): Label | undefined {
  const parsed = v.safeParse(bodySchema, decodedJson(request))
  if (!parsed.success || parsed.output.object !== object) return undefined
  const events = parsed.output.entry.flatMap(({ messaging, standby, changes }) => [
    ...messaging.map((event) => describe(event)),
    ...standby.map((event) => {
      const { who, what } = describe(event)
      return { who, what: `standby: ${what}` }
    }),
    ...changes.flatMap((change) => describeChange(change)),
  ])
  const [first = { who: '', what: 'no event' }] = events
  const more = events.length > 1 ? ` and ${events.length - 1} more` : ''
  return {
    who: first.who,
    what: `${first.what}${more}`,
    signature: judgeHubSignature(request, answers?.['appSecret']),
  }
}

interface Event {
  readonly who: string
  readonly what: string
}

function describe(event: v.InferOutput<typeof eventSchema>): Event {
  const { message, postback, delivery, read, referral, reaction, optin } = event
  const who = message?.is_echo === true ? event.recipient.id : event.sender.id
  const rest = Object.keys(event).find((key) => !common.has(key)) ?? 'event'
  const what =
    message !== undefined
      ? describeMessage(message)
      : postback !== undefined
        ? `postback ${postback.payload ?? postback.title ?? ''}`.trim()
        : delivery !== undefined
          ? 'delivery'
          : read !== undefined
            ? 'read'
            : referral !== undefined
              ? `referral ${referral.ref ?? ''}`.trim()
              : reaction !== undefined
                ? `reaction ${reaction.emoji ?? reaction.action ?? ''}`.trim()
                : optin !== undefined
                  ? 'opt-in'
                  : rest
  return { who, what }
}

const common = new Set(['sender', 'recipient', 'timestamp'])

function describeMessage(message: v.InferOutput<typeof messageSchema>): string {
  const kind = message.is_echo === true ? 'echo' : 'message'
  if (message.quick_reply !== undefined) return `quick reply ${message.quick_reply.payload ?? ''}`.trim()
  const types = message.attachments.map(({ type }) => type)
  if (types.length > 0) return types.join(', ')
  return message.text === undefined ? kind : `${kind} “${shortened(message.text)}”`
}

function describeChange({ field, value }: v.InferOutput<typeof changeSchema>): Event[] {
  const messages = value.messages.map(({ from, type, text }) => ({
    who: from,
    what: text === undefined ? (type ?? 'message') : `message “${shortened(text.body)}”`,
  }))
  const statuses = value.statuses.map(({ recipient_id, status }) => ({ who: recipient_id, what: status }))
  const all = [...messages, ...statuses]
  return all.length > 0 ? all : [{ who: '', what: field }]
}

const text = v.optional(v.string())
const party = v.optional(v.object({ id: v.optional(v.string(), '') }), { id: '' })
const messageSchema = v.object({
  text,
  is_echo: v.optional(v.boolean()),
  quick_reply: v.optional(v.object({ payload: text })),
  attachments: v.optional(v.array(v.object({ type: v.optional(v.string(), 'attachment') })), []),
})
const eventSchema = v.looseObject({
  sender: party,
  recipient: party,
  message: v.optional(messageSchema),
  postback: v.optional(v.object({ payload: text, title: text })),
  delivery: v.optional(v.object({})),
  read: v.optional(v.object({})),
  referral: v.optional(v.object({ ref: text })),
  reaction: v.optional(v.object({ emoji: text, action: text })),
  optin: v.optional(v.object({})),
})
const changeSchema = v.object({
  field: v.optional(v.string(), 'change'),
  value: v.fallback(
    v.object({
      messages: v.optional(
        v.array(
          v.object({
            from: v.optional(v.string(), ''),
            type: text,
            text: v.optional(v.object({ body: v.string() })),
          }),
        ),
        [],
      ),
      statuses: v.optional(
        v.array(
          v.object({ recipient_id: v.optional(v.string(), ''), status: v.optional(v.string(), 'status') }),
        ),
        [],
      ),
    }),
    { messages: [], statuses: [] },
  ),
})
const bodySchema = v.object({
  object: v.string(),
  entry: v.array(
    v.object({
      messaging: v.optional(v.array(eventSchema), []),
      standby: v.optional(v.array(eventSchema), []),
      changes: v.optional(v.array(changeSchema), []),
    }),
  ),
})
