import { Failure } from '../base/failure'
import type { Answers, Ask } from './provider'

/** What every registration of this answer needs. @throws Failure when a person has not given it. */
export function need(answers: Answers, id: string): string {
  const answer = answers[id]
  if (answer !== undefined && answer !== '') return answer
  throw new Failure({
    kind: 'webhook-answer-missing',
    hop: 'webhook provider',
    message: `Something is missing to talk to the provider: ${id}.`,
    advice: 'Set the webhook up again.',
    canHeal: false,
  })
}

/** For tokens with which a program says who it is: what can stand in a field and an environment file alike. */
export const generatedToken: Pick<Ask, 'isSecret' | 'isGenerated' | 'check'> = {
  isSecret: true,
  isGenerated: true,
  check: (answer) =>
    /^[\w-]{1,256}$/.test(answer) ? undefined : 'Letters, digits, _ and - only, at most 256.',
}
