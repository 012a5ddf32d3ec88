import * as v from 'valibot'
import { Failure, isCancelled } from '../../base/failure'
import { ApiRefusal, ApiUnreachable } from '../api'
import { ProviderFailure, unreachableFailure } from '../providerFailure'

/** What was asked of the Graph API, and with what. */
export interface GraphAttempt {
  readonly doing: 'the app' | 'the page'
  /** The callback that is being registered, if one is. */
  readonly callbackUrl?: string
  /** Ids of the asks whose answers the token was made of. */
  readonly tokenFrom: readonly string[]
  /** The id of the ask that holds what the app answers the verification by. */
  readonly verifyTokenFrom?: string
}

/**
 * Every failure of the Graph API with its remedy. This is the only file that looks at its codes and texts
 * (https://developers.facebook.com/docs/graph-api/guides/error-handling).
 */
export function graphFailure(error: unknown, attempt: GraphAttempt): Failure | Error {
  if (error instanceof Failure || isCancelled(error)) return error as Error
  if (error instanceof ApiUnreachable) return unreachableFailure(error)
  if (!(error instanceof ApiRefusal)) return error as Error
  const parsed = v.safeParse(errorSchema, error.body)
  if (!parsed.success) return notGraph(error)
  const { error: problem } = parsed.output
  const said = `(${codeOf(problem)}) ${problem.message}`
  const row = rows.find(({ code, text, subcode }) => {
    const isCode = Array.isArray(code) ? code.includes(problem.code) : code === problem.code
    return (
      isCode &&
      (text?.test(problem.message) ?? true) &&
      (subcode ?? problem.error_subcode) === problem.error_subcode
    )
  })
  const explained = row?.explain(attempt, problem.message) ?? unknown(problem.code)
  return new ProviderFailure({ said, ...explained })
}

interface Row {
  readonly code: number | readonly number[]
  readonly subcode?: number
  readonly text?: RegExp
  readonly explain: (attempt: GraphAttempt, said: string) => Explanation
}

type Explanation = Omit<ConstructorParameters<typeof ProviderFailure>[0], 'said'>

const url = ({ callbackUrl = 'the callback' }: GraphAttempt) => callbackUrl

const verificationRows: readonly Row[] = [
  {
    code: 2200,
    text: /HTTP Status Code = 404/i,
    explain: (attempt) => ({
      kind: 'webhook-path-not-found',
      message: `Meta found nothing at ${url(attempt)} (404).`,
      advice: 'Correct the path: it must be the one at which the app answers webhooks.',
    }),
  },
  {
    code: 2200,
    text: /HTTP Status Code = 40[13]/i,
    explain: (attempt) => ({
      kind: 'webhook-verify-token-refused',
      message: `The app at ${url(attempt)} refused the verify token.`,
      advice: 'It must be the same in the app and here, and no password may stand before this path.',
      askAgain: attempt.verifyTokenFrom === undefined ? [] : [attempt.verifyTokenFrom],
    }),
  },
  {
    code: 2200,
    text: /HTTP Status Code = 50[234]/i,
    explain: (attempt) => ({
      kind: 'webhook-nothing-answers',
      message: `Nothing answers behind ${url(attempt)}.`,
      advice: 'Start the app, and see that the tunnel is open.',
    }),
  },
  {
    code: 2200,
    text: /HTTP Status Code = /i,
    explain: (attempt, said) => ({
      kind: 'webhook-status',
      message: `The app at ${url(attempt)} did not answer the verification with 200 (${/Code = (\d+)/.exec(said)?.[1] ?? ''}).`,
      advice: 'To GET with hub.mode=subscribe it must answer 200 with the value of hub.challenge.',
    }),
  },
  {
    code: 2200,
    text: /curl_errno = 51\b/,
    explain: (attempt) => ({
      kind: 'webhook-certificate-name',
      message: `The certificate at ${url(attempt)} is for another name.`,
      advice: 'Get one that covers the name in the URL.',
    }),
  },
  {
    code: 2200,
    text: /curl_errno = (60|77|83|91)\b/,
    explain: (attempt) => ({
      kind: 'webhook-certificate-untrusted',
      message: `Meta does not trust the certificate at ${url(attempt)}.`,
      advice:
        'Use one from a public authority such as Let’s Encrypt, and let the server send its whole chain.',
    }),
  },
  {
    code: 2200,
    text: /curl_errno = 47\b/,
    explain: (attempt) => ({
      kind: 'webhook-redirects',
      message: `${url(attempt)} redirects, more often than Meta follows.`,
      advice:
        'Register the URL that it leads to in the end; a missing or needless / at the end is often the reason.',
    }),
  },
  {
    code: 2200,
    text: /curl_errno = 28\b/,
    explain: (attempt) => ({
      kind: 'webhook-too-slow',
      message: `${url(attempt)} did not answer Meta in time.`,
      advice: 'Answer at once and do the work afterwards. At a breakpoint, let the app go on.',
    }),
  },
  {
    code: 2200,
    text: /curl_errno = 6\b/,
    explain: (attempt) => ({
      kind: 'webhook-name-not-found',
      message: `Meta does not find the name in ${url(attempt)} in DNS.`,
      advice: 'Add an A or AAAA record that points to the server; a new one may take a while.',
    }),
  },
  {
    code: 2200,
    text: /curl_errno = (7|35|52|56)\b/,
    explain: (attempt) => ({
      kind: 'webhook-unreachable',
      message: `Meta could not connect to ${url(attempt)}.`,
      advice: 'See that the tunnel is open and that no firewall is before the server.',
    }),
  },
  {
    code: 2200,
    explain: (attempt) => ({
      kind: 'webhook-verification-failed',
      message: `Meta could not verify ${url(attempt)}.`,
      advice: 'What it says tells why.',
    }),
  },
  {
    code: 2201,
    explain: (attempt, said) => ({
      kind: 'webhook-challenge-wrong',
      message: `The app at ${url(attempt)} did not answer with the challenge alone.`,
      advice: /received="\s*</i.test(said)
        ? 'It answered with a page. Answer with the value of hub.challenge as the whole body, as plain text.'
        : 'Answer with the value of hub.challenge as the whole body: without quotes, as plain text and not as JSON.',
    }),
  },
]

const accessRows: readonly Row[] = [
  {
    code: 100,
    text: /subscribed_fields is required/i,
    explain: () => ({
      kind: 'webhook-no-fields',
      message: 'The page was to be subscribed without any field.',
      advice: 'Choose at least one, such as "messages".',
    }),
  },
  {
    code: 100,
    text: /does not exist|Unsupported (get|post) request|nonexist/i,
    explain: ({ doing, tokenFrom }) => ({
      kind: 'graph-no-such-object',
      message: `Meta does not know ${doing}, or this token may not see it.`,
      advice: 'Check the id.',
      askAgain: doing === 'the app' ? ['appId'] : tokenFrom,
    }),
  },
  {
    code: 100,
    explain: () => ({
      kind: 'graph-parameter',
      message: 'Meta does not accept what was sent.',
      advice:
        'What it says tells which part; a newer version of the API may want more. The version is in your settings.',
      remedies: [{ do: 'open settings' }],
    }),
  },
  {
    code: 190,
    text: /expired|session has/i,
    explain: ({ doing, tokenFrom }) => ({
      kind: 'graph-token-expired',
      message: `The access token for ${doing} has expired.`,
      advice: 'Make a new one in the app’s dashboard and enter it.',
      askAgain: tokenFrom,
    }),
  },
  {
    // 101 is what a wrong secret makes of an app's own token.
    code: [190, 101, 102],
    explain: ({ doing, tokenFrom }) => ({
      kind: 'graph-token-refused',
      message: `Meta does not accept the access token for ${doing}.`,
      advice:
        doing === 'the app'
          ? 'App id and app secret must be of the same app: App settings › Basic.'
          : 'Make a new one for this page in the app’s dashboard and enter it.',
      askAgain: tokenFrom,
    }),
  },
  {
    code: [200, 10, 3, 210, 299],
    explain: ({ tokenFrom }, said) => {
      const permissions =
        /permissions is needed: ([\w, ]+)/i.exec(said)?.[1]?.trim() ?? 'pages_manage_metadata'
      return {
        kind: 'graph-permission-missing',
        message: `The access token lacks a permission: ${permissions}.`,
        advice: `Make a token that has ${permissions}, by somebody who may manage the page.`,
        askAgain: tokenFrom,
      }
    },
  },
  {
    code: [4, 17, 32, 341, 368, 613],
    explain: () => ({
      kind: 'graph-rate-limited',
      message: 'Meta has had too many requests of this app.',
      advice: 'Try again in an hour.',
      canHeal: true,
    }),
  },
  {
    code: [1, 2],
    explain: () => ({
      kind: 'graph-trouble',
      message: 'Meta has trouble of its own.',
      advice: 'Try again in a few minutes.',
      canHeal: true,
    }),
  },
]

/** The first that fits counts. */
const rows = [...verificationRows, ...accessRows]

function unknown(code: number): Explanation {
  return {
    kind: 'graph-refused',
    message: `Meta refused (code ${code}).`,
    advice: 'What it says tells why.',
    remedies: [{ do: 'show log' }, { do: 'retry' }],
  }
}

function notGraph({ status, text }: ApiRefusal): Failure {
  return new ProviderFailure({
    kind: 'graph-not-there',
    message: `What answers at the address of the Graph API is something else (HTTP ${status}).`,
    said: text.replace(/\s+/g, ' ').trim().slice(0, 200),
    advice: 'Check the address and the version of the API in your settings.',
    remedies: [{ do: 'open settings' }, { do: 'retry' }],
  })
}

function codeOf({ code, error_subcode }: v.InferOutput<typeof errorSchema>['error']): string {
  return error_subcode === undefined ? String(code) : `${code}/${error_subcode}`
}

const errorSchema = v.object({
  error: v.object({ message: v.string(), code: v.number(), error_subcode: v.optional(v.number()) }),
})
