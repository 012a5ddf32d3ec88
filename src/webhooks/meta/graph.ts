import * as v from 'valibot'
import type { Api, ApiCall } from '../api'
import { apiUrl } from '../apiSettings'
import { graphFailure, type GraphAttempt } from './graphFailures'

/** An access token, and what else must not come out. It goes in a field or in the body, never in a URL. */
export interface GraphToken {
  readonly token: string
  readonly secrets: readonly string[]
}

interface GraphCall<T> {
  readonly doing: string
  readonly method: ApiCall['method']
  /** Below the version. */
  readonly path: string
  readonly parameters?: Readonly<Record<string, string>>
  readonly access: GraphToken
  readonly attempt: GraphAttempt
  readonly schema: v.GenericSchema<unknown, T>
}

/** @throws Failure, or Cancelled. */
export async function callGraph<T>(api: Api, call: GraphCall<T>): Promise<T> {
  const { doing, method, path, parameters = {}, access, attempt, schema } = call
  const { graphUrl, graphVersion } = api.settings
  const query = new URLSearchParams(parameters)
  const isPost = method === 'POST'
  const suffix = isPost || query.size === 0 ? '' : `?${query.toString()}`
  if (isPost) query.set('access_token', access.token)
  try {
    const answer = await api.call({
      ...{ doing, method, url: apiUrl(graphUrl, `/${graphVersion}/${path}${suffix}`) },
      ...(isPost ? { body: query } : { fields: { authorization: `Bearer ${access.token}` } }),
      secrets: [access.token, ...access.secrets],
    })
    return v.parse(schema, answer)
  } catch (error) {
    throw graphFailure(error, attempt)
  }
}

/** In some samples of Meta's a string. */
export const successSchema = v.object({ success: v.union([v.literal(true), v.literal('true')]) })

export const subscriptionsSchema = v.object({
  data: v.array(
    v.object({
      object: v.string(),
      callback_url: v.optional(v.string(), ''),
      active: v.optional(v.boolean(), true),
      // Older versions give the names alone.
      fields: v.optional(v.array(v.union([v.string(), v.object({ name: v.string() })])), []),
    }),
  ),
})

export const subscribedAppsSchema = v.object({
  data: v.array(
    v.object({
      id: v.optional(v.string()),
      subscribed_fields: v.optional(v.array(v.string()), []),
      // WhatsApp's own shape.
      whatsapp_business_api_data: v.optional(v.object({ id: v.optional(v.string()) })),
    }),
  ),
})

export const nodeSchema = v.object({ id: v.string(), name: v.optional(v.string(), '') })
