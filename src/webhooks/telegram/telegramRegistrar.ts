import * as v from 'valibot'
import type { Api } from '../api'
import { apiUrl } from '../apiSettings'
import { need } from '../asks'
import { ProviderFailure } from '../providerFailure'
import type { Answers, Ask, Registrar, Registration } from '../provider'
import { telegramFailure } from './telegramFailures'

/** Telegram does not tell it, and setWebhook without it would let the former app refuse every update. */
const formerSecret: Ask = {
  id: 'formerSecretToken',
  label: 'Secret token of the former webhook',
  prompt: 'Telegram does not tell it. Leave it empty if the former webhook has none.',
  isSecret: true,
  isOptional: true,
  envNames: [],
}

/** https://core.telegram.org/bots/api#setwebhook */
export const telegramRegistrar: Registrar = {
  // The part before the colon is the bot's id; the rest is the secret.
  account: (answers) => need(answers, 'botToken').split(':')[0] ?? '',
  read,
  async register(api, answers, { callbackUrl, events, present }) {
    await call(api, answers, {
      name: 'setWebhook',
      parameters: {
        url: callbackUrl,
        secret_token: need(answers, 'secretToken'),
        allowed_updates: [...new Set([...(present?.events ?? []), ...events])],
        ...limitsOf(present),
      },
      schema: doneSchema,
    })
    const { pending_update_count: waiting } = await info(api, answers)
    return waiting === 0
      ? []
      : [`${waiting} update${waiting === 1 ? ' is' : 's are'} waiting and will come now.`]
  },
  async restore(api, answers, former) {
    if (former === undefined) {
      await call(api, answers, { name: 'deleteWebhook', parameters: {}, schema: doneSchema })
      return
    }
    if (former.more['hasCertificate'] === true) throw certificateNeeded(former.callbackUrl)
    const secret = answers[formerSecret.id] ?? ''
    await call(api, answers, {
      name: 'setWebhook',
      parameters: {
        url: former.callbackUrl,
        allowed_updates: former.events,
        ...(secret === '' ? {} : { secret_token: secret }),
        ...limitsOf(former),
      },
      schema: doneSchema,
    })
  },
  formerSecret,
}

async function read(api: Api, answers: Answers): Promise<Registration | undefined> {
  const { url, allowed_updates, max_connections, has_custom_certificate } = await info(api, answers)
  if (url === '') return undefined
  return {
    callbackUrl: url,
    events: allowed_updates,
    isActive: true,
    more: {
      ...(max_connections === undefined ? {} : { maxConnections: max_connections }),
      ...(has_custom_certificate ? { hasCertificate: true } : {}),
    },
  }
}

function info(api: Api, answers: Answers): Promise<v.InferOutput<typeof infoSchema>> {
  return call(api, answers, { name: 'getWebhookInfo', schema: infoSchema })
}

async function call<T>(
  api: Api,
  answers: Answers,
  { name, parameters, schema }: { name: string; parameters?: object; schema: v.GenericSchema<unknown, T> },
): Promise<T> {
  const token = need(answers, 'botToken')
  const secrets = [token, answers['secretToken'] ?? '', answers[formerSecret.id] ?? '']
  try {
    const answer = await api.call({
      doing: `Telegram's ${name}`,
      method: parameters === undefined ? 'GET' : 'POST',
      // Telegram takes the token nowhere else.
      url: apiUrl(api.settings.telegramUrl, `/bot${encodeURIComponent(token).replace('%3A', ':')}/${name}`),
      ...(parameters === undefined ? {} : { body: parameters }),
      secrets,
    })
    return v.parse(v.object({ result: schema }), answer).result
  } catch (error) {
    throw telegramFailure(error)
  }
}

function limitsOf(registration: Registration | undefined): object {
  const parsed = v.safeParse(v.object({ maxConnections: v.number() }), registration?.more)
  return parsed.success ? { max_connections: parsed.output.maxConnections } : {}
}

function certificateNeeded(callbackUrl: string): ProviderFailure {
  return new ProviderFailure({
    kind: 'telegram-certificate-needed',
    message: `The former webhook ${callbackUrl} has a certificate of its own, which Telegram does not give back.`,
    advice: 'Set it with that certificate, as it was set before. Nothing was changed.',
    remedies: [],
  })
}

const doneSchema = v.literal(true)

const infoSchema = v.object({
  url: v.string(),
  has_custom_certificate: v.optional(v.boolean(), false),
  pending_update_count: v.optional(v.number(), 0),
  max_connections: v.optional(v.number()),
  allowed_updates: v.optional(v.array(v.string()), []),
})
