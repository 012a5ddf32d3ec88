import { randomInt } from 'node:crypto'

/** A password that nobody guesses, of letters that nobody mistakes: `k3tw9-hx4mc-…`. */
export function newPassword(): string {
  const group = () => Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join('')
  return Array.from({ length: 4 }, group).join('-')
}

const letters = 'abcdefghjkmnpqrstuvwxyz23456789'

/** The shortest that a person may choose: where the proxy does not say who calls, nobody can be kept from guessing. */
export const shortestPassword = 12
