import type { FailingFor } from './labels'

/** What failing for so long leads to, for a person. */
export function waitsInWords(title: string, failing: Extract<FailingFor, { kind: 'failing' }>): string {
  const since = Math.round(failing.sinceMs / minute)
  const left = Math.round(failing.leftMs / minute)
  const end =
    left === 0
      ? 'It may have unsubscribed the app by now.'
      : `It unsubscribes the app in about ${left} ${left === 1 ? 'minute' : 'minutes'} unless the app answers 200 again.`
  return `For ${since} ${since === 1 ? 'minute' : 'minutes'} the app has taken in no event of ${title}. ${end}`
}

const minute = 60_000
