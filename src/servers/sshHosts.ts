import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseDestination } from '../ssh/destination'
import { readDirectives } from '../ssh/sshConfigFile'

/**
 * The names that `Host` lines of ~/.ssh/config and of the files it includes give to single hosts, in their order and
 * each once: no patterns, no negated ones, none that could not be a destination. A file that cannot be read has none.
 */
export async function listSshHosts(): Promise<readonly string[]> {
  const names = new Set<string>()
  await readDirectives(join(homedir(), '.ssh', 'config'), {
    warn: () => undefined,
    onDirective: (directive) => {
      if (directive.keyword !== 'host' || !('words' in directive)) return
      for (const word of directive.words) if (isName(word)) names.add(word)
    },
  }).catch(() => undefined)
  return [...names]
}

/** A word that the settings take for a host: without wildcards, and not read as an option, a user or a port. */
function isName(word: string): boolean {
  return !/[*?!,]/.test(word) && parseDestination(word)?.host === word
}
