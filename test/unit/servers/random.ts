/** The same choices at each run, so that what fails once fails again. */
export interface Random {
  /** A whole number from 0 up to, and without, the limit. */
  below(limit: number): number
  from<T>(choices: readonly T[]): T
}

export function random(seed: number): Random {
  let state = seed
  const below = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  return {
    below,
    from: (choices) => {
      const choice = choices[below(choices.length)]
      if (choice === undefined) throw new Error('nothing to choose from')
      return choice
    },
  }
}
