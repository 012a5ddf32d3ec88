import type { Answers, Ask } from './provider'

/** What an environment file says of what is asked for, under the names that programs use; and those names. */
export function envAnswers(
  asks: readonly Ask[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly answers: Answers; readonly names: readonly string[] } {
  const found = asks.flatMap(({ id, envNames, check }) => {
    const name = envNames.find((each) => (environment[each] ?? '').trim() !== '')
    const value = name === undefined ? '' : (environment[name] ?? '').trim()
    return name === undefined || check?.(value) !== undefined ? [] : [{ id, name, value }]
  })
  return {
    answers: Object.fromEntries(found.map(({ id, value }) => [id, value])),
    names: found.map(({ name }) => name),
  }
}
