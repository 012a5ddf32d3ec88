import * as v from 'valibot'
import type { FromInspector } from '../http/inspectorMessages'

/** What the inspector's page asks for; undefined where it is nothing that a page of ours would ask. */
export function readInspectorRequest(message: unknown): FromInspector | undefined {
  const read = v.safeParse(request, message)
  return read.success ? read.output : undefined
}

const id = v.pipe(v.number(), v.integer(), v.minValue(1))
const asked = <Kind extends string>(kind: Kind) => v.strictObject({ kind: v.literal(kind) })
const askedOf = <Kind extends string>(kind: Kind) => v.strictObject({ kind: v.literal(kind), id })

const text = v.strictObject({ as: v.picklist(['text', 'base64']), text: v.string() })
const unchanged = v.strictObject({ as: v.literal('unchanged') })

const edited = v.strictObject({
  of: id,
  method: v.string(),
  target: v.string(),
  fields: v.array(
    v.strictObject({
      name: v.string(),
      value: v.union([
        v.string(),
        v.strictObject({ ofField: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
      ]),
    }),
  ),
  body: v.union([text, unchanged]),
  resign: v.boolean(),
})

const request = v.variant('kind', [
  asked('ready'),
  asked('import HAR'),
  asked('expose'),
  askedOf('replay'),
  askedOf('replay often'),
  askedOf('edit'),
  askedOf('copy cURL'),
  askedOf('copy .http'),
  v.strictObject({ kind: v.literal('select'), id: v.optional(id) }),
  v.strictObject({ kind: v.literal('show secrets'), id, isShown: v.boolean() }),
  v.strictObject({ kind: v.literal('replay edited'), edited }),
  v.strictObject({ kind: v.literal('save HAR'), ids: v.array(id) }),
  v.strictObject({ kind: v.literal('open body'), id, of: v.picklist(['request', 'response']) }),
  v.strictObject({ kind: v.literal('clear'), tunnelId: v.optional(id) }),
  v.strictObject({ kind: v.literal('test event'), tunnelId: v.optional(id) }),
  v.strictObject({ kind: v.literal('pause'), isPaused: v.boolean() }),
  v.strictObject({ kind: v.literal('copy URL'), tunnelId: id }),
])
