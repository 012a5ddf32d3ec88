import * as v from 'valibot'
import type { Api } from '../api'
import { need } from '../asks'
import type { Answers, Ask, Registrar, Registration, RegistrationWish } from '../provider'
import {
  callGraph,
  nodeSchema,
  subscribedAppsSchema,
  subscriptionsSchema,
  successSchema,
  type GraphToken,
} from './graph'
import type { GraphAttempt } from './graphFailures'

/** What tells Meta's products apart when a callback is registered. */
export interface MetaObject {
  /** Of the app-level subscription. */
  readonly object: 'page' | 'instagram' | 'whatsapp_business_account'
  /** The second level, which also has to be subscribed. */
  readonly level: {
    /** How a person calls it: "Page". */
    readonly word: string
    /** The ask that holds its token. */
    readonly token: string
    /** The ask that holds its id; the token itself says it unless given. */
    readonly id?: string
    /** Whether it is subscribed field by field. */
    readonly hasFields: boolean
  }
}

/**
 * Registers at both levels: the app's one callback for the object, and what page (or account) sends to the app.
 * https://developers.facebook.com/docs/graph-api/reference/app/subscriptions
 * https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps
 */
export function metaRegistrar(meta: MetaObject, formerSecret: Ask): Registrar {
  return {
    account: (answers) => need(answers, 'appId'),
    read: (api, answers) => read(api, answers, meta),
    register: (api, answers, wish) => register(api, answers, { meta, wish }),
    restore: (api, answers, former, ours) => restore(api, answers, { meta, former, ours, formerSecret }),
    formerSecret,
  }
}

async function read(api: Api, answers: Answers, meta: MetaObject): Promise<Registration | undefined> {
  const { data } = await callGraph(api, {
    doing: 'reading the subscriptions of the app',
    method: 'GET',
    path: appPath(answers),
    access: appToken(answers),
    attempt: appAttempt,
    schema: subscriptionsSchema,
  })
  const found = data.find(({ object }) => object === meta.object)
  const more = await readLevel(api, answers, meta)
  if (found === undefined && more['levelFields'] === undefined) return undefined
  return {
    callbackUrl: found?.callback_url ?? '',
    events: (found?.fields ?? []).map((field) => (typeof field === 'string' ? field : field.name)),
    isActive: found?.active ?? true,
    more,
  }
}

async function register(
  api: Api,
  answers: Answers,
  { meta, wish }: { meta: MetaObject; wish: RegistrationWish },
): Promise<readonly string[]> {
  // What production gets beside is not taken from it.
  const events = [...new Set([...(wish.present?.events ?? []), ...wish.events])]
  const { callbackUrl } = wish
  await setCallback(api, answers, {
    ...{ meta, callbackUrl, events },
    verifyToken: need(answers, 'verifyToken'),
    verifyTokenFrom: 'verifyToken',
  })
  const level = await findLevel(api, answers, meta)
  if (level === undefined) return [`Nothing arrives before a ${meta.level.word} is subscribed to the app.`]
  const present = await levelFields(api, answers, level)
  await subscribeLevel(api, answers, { level, events: [...new Set([...(present ?? []), ...wish.events])] })
  return [`${meta.level.word} ${level.name || level.id} sends ${wish.events.join(', ')}.`]
}

/** Meta verifies the former callback again, by the verify token that it knows. */
async function restore(
  api: Api,
  answers: Answers,
  facts: { meta: MetaObject; former: Registration | undefined; ours: Registration; formerSecret: Ask },
): Promise<void> {
  const { meta, former, formerSecret } = facts
  if (former === undefined || former.callbackUrl === '') {
    await callGraph(api, {
      doing: 'removing the subscription of the app',
      method: 'DELETE',
      path: appPath(answers),
      parameters: { object: meta.object },
      access: appToken(answers),
      attempt: appAttempt,
      schema: successSchema,
    })
  } else {
    await setCallback(api, answers, {
      ...{ meta, callbackUrl: former.callbackUrl, events: former.events },
      verifyToken: answers[formerSecret.id] ?? need(answers, 'verifyToken'),
      verifyTokenFrom: formerSecret.id,
    })
  }
  const level = await findLevel(api, answers, meta)
  if (level !== undefined) await restoreLevel(api, answers, level, former)
}

async function setCallback(
  api: Api,
  answers: Answers,
  wish: {
    meta: MetaObject
    callbackUrl: string
    events: readonly string[]
    verifyToken: string
    verifyTokenFrom: string
  },
): Promise<void> {
  const { meta, callbackUrl, events, verifyToken, verifyTokenFrom } = wish
  const access = appToken(answers)
  await callGraph(api, {
    doing: 'setting the subscription of the app',
    method: 'POST',
    path: appPath(answers),
    parameters: {
      object: meta.object,
      callback_url: callbackUrl,
      verify_token: verifyToken,
      fields: events.join(','),
      include_values: 'true',
    },
    access: { ...access, secrets: [...access.secrets, verifyToken] },
    attempt: { ...appAttempt, callbackUrl, verifyTokenFrom },
    schema: successSchema,
  })
}

interface Level {
  readonly meta: MetaObject
  readonly id: string
  readonly name: string
}

/** Undefined when a person has given no token for it. */
async function findLevel(api: Api, answers: Answers, meta: MetaObject): Promise<Level | undefined> {
  const { level } = meta
  if ((answers[level.token] ?? '') === '') return undefined
  const node = await callGraph(api, {
    doing: `asking for the ${level.word}`,
    method: 'GET',
    path: level.id === undefined ? 'me' : segment(need(answers, level.id)),
    parameters: { fields: 'id,name' },
    access: levelToken(answers, meta),
    attempt: levelAttempt(meta),
    schema: nodeSchema,
  })
  return { meta, ...node }
}

/** The fields that come to this app; undefined when it is not subscribed. */
async function levelFields(api: Api, answers: Answers, { meta, id }: Level): Promise<string[] | undefined> {
  const { data } = await callGraph(api, {
    doing: `reading the apps of the ${meta.level.word}`,
    method: 'GET',
    path: `${segment(id)}/subscribed_apps`,
    access: levelToken(answers, meta),
    attempt: levelAttempt(meta),
    schema: subscribedAppsSchema,
  })
  const appId = need(answers, 'appId')
  return data.find((app) => (app.id ?? app.whatsapp_business_api_data?.id) === appId)?.subscribed_fields
}

async function subscribeLevel(
  api: Api,
  answers: Answers,
  { level: { meta, id }, events }: { level: Level; events: readonly string[] },
): Promise<void> {
  await callGraph(api, {
    doing: `subscribing the ${meta.level.word}`,
    method: 'POST',
    path: `${segment(id)}/subscribed_apps`,
    parameters: meta.level.hasFields ? { subscribed_fields: events.join(',') } : {},
    access: levelToken(answers, meta),
    attempt: levelAttempt(meta),
    schema: successSchema,
  })
}

async function readLevel(api: Api, answers: Answers, meta: MetaObject): Promise<Registration['more']> {
  const level = await findLevel(api, answers, meta)
  if (level === undefined) return {}
  const fields = await levelFields(api, answers, level)
  return { levelId: level.id, ...(fields === undefined ? {} : { levelFields: fields }) }
}

async function restoreLevel(
  api: Api,
  answers: Answers,
  level: Level,
  former: Registration | undefined,
): Promise<void> {
  const { meta, id } = level
  const kept = v.safeParse(keptLevel, former?.more)
  const fields = kept.success && kept.output.levelId === id ? kept.output.levelFields : undefined
  // Where nothing was known of it, nothing was there when it was read.
  if (fields !== undefined && (fields.length > 0 || !meta.level.hasFields))
    return subscribeLevel(api, answers, { level, events: fields })
  await callGraph(api, {
    doing: `ending the subscription of the ${meta.level.word}`,
    method: 'DELETE',
    path: `${segment(id)}/subscribed_apps`,
    access: levelToken(answers, meta),
    attempt: levelAttempt(meta),
    schema: successSchema,
  })
}

const keptLevel = v.object({ levelId: v.string(), levelFields: v.optional(v.array(v.string())) })

const appAttempt: GraphAttempt = { doing: 'the app', tokenFrom: ['appId', 'appSecret'] }

function levelAttempt({ level }: MetaObject): GraphAttempt {
  return { doing: 'the page', tokenFrom: [level.token] }
}

/** https://developers.facebook.com/docs/facebook-login/guides/access-tokens#apptokens */
function appToken(answers: Answers): GraphToken {
  const secret = need(answers, 'appSecret')
  return { token: `${need(answers, 'appId')}|${secret}`, secrets: [secret] }
}

function levelToken(answers: Answers, { level }: MetaObject): GraphToken {
  return { token: need(answers, level.token), secrets: [] }
}

function appPath(answers: Answers): string {
  return `${segment(need(answers, 'appId'))}/subscriptions`
}

function segment(id: string): string {
  return encodeURIComponent(id)
}
