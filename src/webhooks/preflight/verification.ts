import type { ProbeAnswer } from './probe'
import type { Trouble } from './trouble'
import { troubleOf } from './troubleOf'

interface Asked {
  readonly challenge: string
  readonly answer: ProbeAnswer
}

/** What a provider would mind in the answer to its verification; undefined when nothing. */
export function troubleWithChallenge({ challenge, answer }: Asked): Trouble | undefined {
  if (answer.kind === 'error') return troubleOf(answer)
  const { status, reason, location, body } = answer
  if (status >= 300 && status < 400) return { kind: 'redirect', to: location }
  if (status !== 200) return { kind: 'status', status, reason }
  return body === challenge
    ? undefined
    : { kind: 'challenge', expected: challenge, received: body.slice(0, 200) }
}

/** Whether the app said no; its challenge must not come back. */
export function isRefused({ challenge, answer }: Asked): boolean {
  return answer.kind === 'answered' && (answer.status >= 400 || !answer.body.includes(challenge))
}
