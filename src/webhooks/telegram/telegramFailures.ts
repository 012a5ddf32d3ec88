import * as v from 'valibot'
import { Failure, isCancelled } from '../../base/failure'
import { ApiRefusal, ApiUnreachable } from '../api'
import { ProviderFailure, unreachableFailure } from '../providerFailure'

type Explanation = Omit<ConstructorParameters<typeof ProviderFailure>[0], 'said'>

/**
 * Every failure of the Bot API with its remedy; the only file that looks at its texts
 * (https://core.telegram.org/bots/api#making-requests).
 */
export function telegramFailure(error: unknown): Failure | Error {
  if (error instanceof Failure || isCancelled(error)) return error as Error
  if (error instanceof ApiUnreachable) return unreachableFailure(error)
  if (!(error instanceof ApiRefusal)) return error as Error
  const parsed = v.safeParse(refusalSchema, error.body)
  if (!parsed.success) {
    return new ProviderFailure({
      kind: 'telegram-not-there',
      message: `What answers at the address of the Bot API is something else (HTTP ${error.status}).`,
      said: error.text.replace(/\s+/g, ' ').trim().slice(0, 200),
      advice: 'Check the address of the API in your settings.',
      remedies: [{ do: 'open settings' }, { do: 'retry' }],
    })
  }
  const { description, error_code, parameters } = parsed.output
  return new ProviderFailure({
    said: description,
    ...explain(error_code, description, parameters?.retry_after),
  })
}

function explain(code: number, said: string, retryAfter: number | undefined): Explanation {
  // 404 is the answer to a token that has not the form of one.
  if (code === 401 || (code === 404 && /^not found$/i.test(said))) {
    return {
      kind: 'telegram-token-refused',
      message: 'Telegram does not know this bot token.',
      advice: 'Ask @BotFather for it (/token), and enter it.',
      askAgain: ['botToken'],
    }
  }
  if (code === 429) {
    return {
      kind: 'telegram-rate-limited',
      message: 'Telegram has had too many requests.',
      advice: `Try again in ${retryAfter ?? 60} seconds.`,
      canHeal: true,
    }
  }
  const row = rows.find(([pattern]) => pattern.test(said))
  if (row !== undefined) return row[1]
  return {
    kind: 'telegram-refused',
    message: `Telegram refused (${code}).`,
    advice: 'What it says tells why.',
    remedies: [{ do: 'show log' }, { do: 'retry' }],
  }
}

const rows: readonly (readonly [RegExp, Explanation])[] = [
  [
    /https url must be provided/i,
    {
      kind: 'telegram-not-https',
      message: 'Telegram calls https: URLs only.',
      advice: 'Expose the port in a way that has HTTPS.',
    },
  ],
  [
    /only on ports/i,
    {
      kind: 'telegram-port',
      message: 'Telegram calls ports 443, 80, 88 and 8443 only.',
      advice: 'Let the server listen on one of these.',
    },
  ],
  [
    /resolve host|name or service not known/i,
    {
      kind: 'telegram-name-not-found',
      message: 'Telegram does not find the name in DNS.',
      advice: 'Add an A or AAAA record that points to the server; a new one may take a while.',
    },
  ],
  [
    /ip address .* is reserved/i,
    {
      kind: 'telegram-address-not-public',
      message: 'The name leads to an address that Telegram cannot reach.',
      advice: 'It must lead to a public address.',
    },
  ],
  [
    /secret token/i,
    {
      kind: 'telegram-secret-token',
      message: 'Telegram does not accept the secret token.',
      advice: 'Letters, digits, _ and - only, at most 256.',
      askAgain: ['secretToken'],
    },
  ],
]

const refusalSchema = v.object({
  ok: v.literal(false),
  error_code: v.number(),
  description: v.string(),
  parameters: v.optional(v.object({ retry_after: v.optional(v.number()) })),
})
