import * as v from 'valibot'
import { Failure, isCancelled } from '../../base/failure'
import { ApiRefusal, ApiUnreachable } from '../api'
import { ProviderFailure, unreachableFailure } from '../providerFailure'

type Explanation = Omit<ConstructorParameters<typeof ProviderFailure>[0], 'said'>

/**
 * Every failure of GitHub's REST API with its remedy; the only file that looks at its texts
 * (https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api).
 */
export function githubFailure(error: unknown, repository: string): Failure | Error {
  if (error instanceof Failure || isCancelled(error)) return error as Error
  if (error instanceof ApiUnreachable) return unreachableFailure(error)
  if (!(error instanceof ApiRefusal)) return error as Error
  const parsed = v.safeParse(refusalSchema, error.body)
  if (!parsed.success) {
    return new ProviderFailure({
      kind: 'github-not-there',
      message: `What answers at the address of GitHub’s API is something else (HTTP ${error.status}).`,
      said: error.text.replace(/\s+/g, ' ').trim().slice(0, 200),
      advice: 'Check the address of the API in your settings.',
      remedies: [{ do: 'open settings' }, { do: 'retry' }],
    })
  }
  const { message, errors } = parsed.output
  const details = errors.map((each) => (typeof each === 'string' ? each : (each.message ?? each.code ?? '')))
  const said = [message, ...details].filter((part) => part !== '').join(': ')
  return new ProviderFailure({ said, ...explain(error.status, said, repository) })
}

function explain(status: number, said: string, repository: string): Explanation {
  if (status === 401) {
    return {
      kind: 'github-token-refused',
      message: 'GitHub does not accept the access token.',
      advice: 'Make a new one in Settings › Developer settings, and enter it.',
      askAgain: ['accessToken'],
    }
  }
  if (status === 429 || /rate limit/i.test(said)) {
    return {
      kind: 'github-rate-limited',
      message: 'GitHub has had too many requests.',
      advice: 'Try again in an hour.',
      canHeal: true,
    }
  }
  // GitHub hides what a token may not see.
  if (status === 403 || status === 404) {
    return {
      kind: 'github-permission-missing',
      message: `GitHub does not let this token at the webhooks of ${repository}.`,
      advice:
        'Check the name. A fine-grained token needs the repository permission Webhooks (read and write), a classic one admin:repo_hook.',
      askAgain: ['repository', 'accessToken'],
    }
  }
  if (/already exists/i.test(said)) {
    return {
      kind: 'github-hook-exists',
      message: `${repository} has this webhook already.`,
      advice: 'Set it up again: it is changed then.',
    }
  }
  if (/reachable over the public internet|not supported because/i.test(said)) {
    return {
      kind: 'github-url-not-public',
      message: 'GitHub calls public addresses only.',
      advice: 'Expose the port through a server that others reach.',
    }
  }
  return {
    kind: 'github-refused',
    message: `GitHub refused (HTTP ${status}).`,
    advice: 'What it says tells why.',
    remedies: [{ do: 'show log' }, { do: 'retry' }],
  }
}

const refusalSchema = v.object({
  message: v.string(),
  errors: v.optional(
    v.array(
      v.union([v.string(), v.object({ message: v.optional(v.string()), code: v.optional(v.string()) })]),
    ),
    [],
  ),
})
