import * as v from 'valibot'
import { valuesOf } from '../../http/exchange'
import { decodedJson } from '../decodedJson'
import type { Label, LabelledRequest } from '../provider'
import { shortened } from '../shortened'
import { isSame } from '../signatures'

/** Undefined when the request is no update of Telegram's. */
export function telegramLabel({ request, answers }: LabelledRequest): Label | undefined {
  const parsed = v.safeParse(updateSchema, decodedJson(request))
  if (!parsed.success) return undefined
  const kind = Object.keys(parsed.output).find((key) => key !== 'update_id') ?? 'update'
  const subject = v.safeParse(subjectSchema, parsed.output[kind])
  const { from, chat, text, data, photo } = subject.success ? subject.output : emptySubject
  const who = from?.username ?? from?.first_name ?? chat?.title ?? ''
  const name = kind.replaceAll('_', ' ')
  const detail = text ?? data
  const what =
    detail !== undefined
      ? `${name} “${shortened(detail)}”`
      : photo === undefined
        ? name
        : `${name} with a photo`
  return { who, what, signature: verdict({ request, answers }) }
}

/** https://core.telegram.org/bots/api#setwebhook: the secret token comes as it is. */
function verdict({ request, answers }: LabelledRequest): Label['signature'] {
  const given = valuesOf(request.fields, 'x-telegram-bot-api-secret-token')[0]
  if (given === undefined) return 'missing'
  const expected = answers?.['secretToken']
  if (expected === undefined || expected === '') return 'not checked'
  return isSame(given, expected) ? 'verified' : 'wrong'
}

const updateSchema = v.looseObject({ update_id: v.number() })
const text = v.optional(v.string())
const subjectSchema = v.object({
  from: v.optional(v.object({ username: text, first_name: text })),
  chat: v.optional(v.object({ title: text })),
  text,
  data: text,
  photo: v.optional(v.unknown()),
})
const emptySubject: v.InferOutput<typeof subjectSchema> = {}
