/**
 * Settings of sshd for one user alone: a block for the end of sshd_config. There, a `Match` overrides what stands
 * above it outside of such blocks (sshd_config(5)).
 */
export function sshdMatch(user: string, settings: readonly string[]): string[] {
  const name = /^[\w.-]+$/.test(user) ? user : `"${user}"`
  return [`Match User ${name}`, ...settings.map((setting) => `    ${setting}`)]
}

/** A new socket takes the place of a file that an old session left, and its group may open it. */
export const socketSettings: readonly string[] = ['StreamLocalBindUnlink yes', 'StreamLocalBindMask 0117']
