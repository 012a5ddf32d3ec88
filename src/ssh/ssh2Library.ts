import type * as ssh2 from 'ssh2'

export type Ssh2 = typeof ssh2

/** Loads ssh2 on first use: reading and compiling it takes tens of milliseconds that start-up need not pay. */
export async function loadSsh2(): Promise<Ssh2> {
  const library: Ssh2 & { readonly default?: Ssh2 } = await import('ssh2')
  // Of a CommonJS module Node names only the exports it can tell without running it; all of them are in `default`.
  return library.default ?? library
}
