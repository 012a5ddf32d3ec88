import type { CapturedRequest } from '../http/capturedExchange'
import type { Field } from '../http/field'
import type { Api } from './api'
import type { Trouble } from './preflight/trouble'

export const providerIds = ['messenger', 'instagram', 'whatsapp', 'telegram', 'github', 'other'] as const
export type ProviderId = (typeof providerIds)[number]

/** Who sends webhooks: all that differs between them. One file makes one, and `providers.ts` lists them. */
export interface Provider {
  readonly id: ProviderId
  readonly title: string
  /** What a person needs to have there, or what is done; one sentence without its end. */
  readonly detail: string
  /** What a person is asked for, in this order. */
  readonly asks: readonly Ask[]
  readonly events: readonly EventChoice[]
  readonly rules: CallbackRules
  /** How to register by the provider's API; undefined where a person pastes the URL into a form. */
  readonly registrar: Registrar | undefined
  readonly samples: readonly Sample[]
  /** Undefined when the request is not one of this provider's. */
  describe(request: LabelledRequest): Label | undefined
  /** How long the provider waits for an answer, and from where on it counts as slow; in milliseconds. */
  readonly patience: { readonly slowMs: number; readonly limitMs: number }
}

/** One thing a person is asked for; kept where secrets are kept. */
export interface Ask {
  readonly id: string
  readonly label: string
  /** Where to find it. */
  readonly prompt: string
  readonly isSecret: boolean
  readonly isOptional?: boolean
  /** Made up where a person has none. */
  readonly isGenerated?: boolean
  /** What is wrong with an answer, in words; undefined when nothing is. */
  readonly check?: (answer: string) => string | undefined
  /** Names under which programs usually keep it in their environment. */
  readonly envNames: readonly string[]
}

/** What a person answered, by the ask's id. What is optional may be missing. */
export type Answers = Readonly<Record<string, string>>

/** What may be subscribed to. */
export interface EventChoice {
  readonly name: string
  readonly detail: string
  readonly isUsual: boolean
}

/** What the provider demands of whoever answers at the callback URL. */
export interface CallbackRules {
  /** The query of the GET by which the provider verifies the URL; undefined when it does not. */
  readonly verification?: (verifyToken: string, challenge: string) => string
  /** The id of the ask that holds the verify token. */
  readonly verifyTokenFrom?: string
  /** Of `samples`: one that no app acts upon. */
  readonly harmless: string
  /** The only ports it calls; any unless given. */
  readonly ports?: readonly number[]
  /** What it would say of this trouble, as literally as its documents and users tell; undefined when nothing. */
  wouldSay(trouble: Trouble): string | undefined
  /** Lines for a Node app that lacks it. */
  readonly snippets: { readonly verification?: string; readonly signature?: string }
}

/** The provider's API, as far as registering goes. Each throws Failure. */
export interface Registrar {
  /** What a registration belongs to, such as the id of an app; holds no secret. */
  account(answers: Answers): string
  /** What stands there now; of several the one that leads to one of `ours`. */
  read(api: Api, answers: Answers, ours: readonly string[]): Promise<Registration | undefined>
  /** Registers, and says what a person should know. `present` is what stood there a moment ago. */
  register(api: Api, answers: Answers, wish: RegistrationWish): Promise<readonly string[]>
  /** Puts back what stood there before, or removes what was registered where nothing stood. */
  restore(api: Api, answers: Answers, former: Registration | undefined, ours: Registration): Promise<void>
  /** What is not told when it is read and is needed to put the former back. */
  readonly formerSecret?: Ask
  /** The last events it tried to deliver, where its API tells. */
  readonly deliveries?: {
    list(api: Api, answers: Answers, ours: Registration): Promise<readonly Delivery[]>
    again(api: Api, answers: Answers, ours: Registration, deliveryId: string): Promise<void>
  }
}

/** A callback as it stands at a provider. A plain value: a copy of it is kept. */
export interface Registration {
  /** Empty where there is none, and yet something to put back. */
  readonly callbackUrl: string
  readonly events: readonly string[]
  /** False when the provider has given up sending. */
  readonly isActive: boolean
  /** What else the provider needs to put it back; read by that provider only. */
  readonly more: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

export interface RegistrationWish {
  readonly callbackUrl: string
  readonly events: readonly string[]
  readonly present: Registration | undefined
}

export interface Delivery {
  readonly id: string
  readonly event: string
  /** ISO 8601. */
  readonly at: string
  /** What came of it, in the provider's words. */
  readonly outcome: string
}

/** An event as the provider would send it. */
export interface Sample {
  readonly id: string
  readonly label: string
  request(facts: SampleFacts): SampleRequest
}

export interface SampleFacts {
  readonly answers: Answers
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Different for each event that is sent, for whoever looks out for what comes twice. */
  readonly serial: string
}

/** Fields in the order the provider sends them; without Host and Content-Length. */
export interface SampleRequest {
  readonly fields: readonly Field[]
  readonly body: Uint8Array
}

export interface LabelledRequest {
  readonly request: CapturedRequest
  /** Undefined while nobody has set it up here. */
  readonly answers: Answers | undefined
}

/** What an event is, for a list. */
export interface Label {
  readonly who: string
  readonly what: string
  readonly signature: SignatureVerdict
}

export type SignatureVerdict = 'verified' | 'wrong' | 'missing' | 'not checked'
