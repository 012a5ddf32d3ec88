import * as v from 'valibot'
import { providerIds, type ProviderId, type Registration } from './provider'

/** Where the copies are kept: beyond the window and a crash. */
export interface RegistrationMemory {
  keys(): readonly string[]
  get(key: string): unknown
  update(key: string, value: unknown): PromiseLike<void>
}

/** What was registered here, and what stood there before. Holds no secret. */
export interface KeptRegistration {
  readonly providerId: ProviderId
  /** As `Registrar.account`. */
  readonly account: string
  /** Undefined when nothing stood there. */
  readonly former: Registration | undefined
  readonly ours: Registration
  /** Which port it was for. */
  readonly target: RegistrationTarget
  /** Milliseconds since the epoch. */
  readonly at: number
}

export interface RegistrationTarget {
  readonly host: string
  readonly port: number
  readonly serverId: string
  /** Of the callback, with a leading slash. */
  readonly path: string
}

/** The copies of what stood at providers, one for each account there. */
export class KeptRegistrations {
  constructor(private readonly memory: RegistrationMemory) {}

  get all(): readonly KeptRegistration[] {
    return this.memory
      .keys()
      .filter((key) => key.startsWith(prefix))
      .flatMap((key) => read(this.memory.get(key)) ?? [])
      .sort((one, other) => other.at - one.at)
  }

  find(providerId: ProviderId, account: string): KeptRegistration | undefined {
    return read(this.memory.get(keyOf({ providerId, account })))
  }

  async put(kept: KeptRegistration): Promise<void> {
    await this.memory.update(keyOf(kept), { ...kept, former: kept.former ?? null })
  }

  async remove(kept: Pick<KeptRegistration, 'providerId' | 'account'>): Promise<void> {
    await this.memory.update(keyOf(kept), undefined)
  }
}

const prefix = 'webhook '

function keyOf({ providerId, account }: Pick<KeptRegistration, 'providerId' | 'account'>): string {
  return `${prefix}${providerId} ${account}`
}

function read(value: unknown): KeptRegistration | undefined {
  const parsed = v.safeParse(keptSchema, value)
  return parsed.success ? { ...parsed.output, former: parsed.output.former ?? undefined } : undefined
}

const registrationSchema = v.object({
  callbackUrl: v.string(),
  events: v.array(v.string()),
  isActive: v.boolean(),
  more: v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.array(v.string())])),
})

const keptSchema = v.object({
  providerId: v.picklist(providerIds),
  account: v.string(),
  former: v.nullable(registrationSchema),
  ours: registrationSchema,
  target: v.object({ host: v.string(), port: v.number(), serverId: v.string(), path: v.string() }),
  at: v.number(),
})
