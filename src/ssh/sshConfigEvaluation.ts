import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Destination } from './destination'
import { matchesPattern, matchesPatternList } from './patterns'
import type { SshOptions } from './sshConfig'
import { readDirectives, verbatim, type Boundary, type Directive } from './sshConfigFile'

/**
 * Resolves a destination from the user's ssh_config where no OpenSSH client is installed, in the words `ssh -G` would
 * use. Follows Include, Host and Match, but runs no command: Match exec never matches. Nor does it know
 * canonicalisation. `warn` hears of every line that it cannot follow.
 * @throws Failure when somebody else can write the file, as ssh does.
 */
export async function resolveFromFiles(
  destination: Destination,
  warn: (message: string) => void,
): Promise<SshOptions> {
  const file = join(homedir(), '.ssh', 'config')
  const evaluation = new Evaluation(destination, warn)
  await readDirectives(file, { warn, onDirective: (directive) => evaluation.apply(directive) })
  if (evaluation.wantsFinalPass) {
    evaluation.beginFinalPass()
    await readDirectives(file, { warn: () => undefined, onDirective: (each) => evaluation.apply(each) })
  }
  return evaluation.result()
}

/** Keywords whose values add up (readconf.c, add_identity_file); of all others the first value counts. */
const repeatable = new Set(['identityfile', 'certificatefile'])
const durations = new Set(['connecttimeout', 'serveraliveinterval'])

/** Goes through the lines as ssh does, deciding which apply. */
class Evaluation {
  wantsFinalPass = false
  private readonly options = new Map<string, string[]>()
  /** Whether lines apply now; one level for each file that is being read. */
  private readonly active: { now: boolean; may: boolean }[] = []
  private isFinalPass = false
  /** What Host patterns are compared with. */
  private host: string

  constructor(
    private readonly destination: Destination,
    private readonly warn: (message: string) => void,
  ) {
    this.host = destination.host
    if (destination.user !== undefined) this.options.set('user', [destination.user])
    if (destination.port !== undefined) this.options.set('port', [String(destination.port)])
  }

  /** ssh.c: the second time Host and Match see the name that the first one came to. */
  beginFinalPass(): void {
    this.isFinalPass = true
    this.host = this.hostName()
    this.options.set('hostname', [this.host])
  }

  result(): SshOptions {
    return this.options.set('hostname', [this.hostName()])
  }

  apply(directive: Directive | Boundary): void {
    const outer = this.active.at(-1)
    if (directive.keyword === 'begin file') {
      const may = outer?.now ?? true
      this.active.push({ now: may, may })
    } else if (directive.keyword === 'end file') {
      this.active.pop()
    } else if (outer !== undefined && 'words' in directive) {
      if (directive.keyword === 'host') outer.now = outer.may && this.matchesHost(directive)
      else if (directive.keyword === 'match') outer.now = this.matches(directive) && outer.may
      else if (outer.now) this.set(directive)
    }
  }

  private set({ keyword, words, rest, place }: Directive): void {
    if (keyword === 'canonicalizehostname' && !/^(no|false|none)$/i.test(words[0] ?? '')) {
      this.warn(`${place}: host names are not canonicalised without an OpenSSH client`)
    }
    const before = this.options.get(keyword)
    const value = words.join(' ')
    if (repeatable.has(keyword)) {
      if (before?.includes(value) !== true) this.options.set(keyword, [...(before ?? []), value])
    } else if (before === undefined && !this.isDecidedByOther(keyword)) {
      this.options.set(keyword, valuesOf(keyword, words, rest))
    }
  }

  /** Of ProxyJump and ProxyCommand the first counts, but that no jump host is wanted leaves the command to come. */
  private isDecidedByOther(keyword: string): boolean {
    if (keyword === 'proxyjump') return this.options.has('proxycommand')
    return keyword === 'proxycommand' && (this.options.get('proxyjump') ?? ['none'])[0] !== 'none'
  }

  private matchesHost({ words }: Directive): boolean {
    const hits = (pattern: string) => matchesPattern(pattern.replace(/^!/, ''), this.host)
    return words.some(hits) && !words.some((pattern) => pattern.startsWith('!') && hits(pattern))
  }

  /** readconf.c, match_cfg_line. */
  private matches({ words, place }: Directive): boolean {
    let matches = true
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? ''
      const negated = word.startsWith('!')
      const criterion = word.replace(/^!/, '').toLowerCase()
      if (criterion === 'final') this.wantsFinalPass = true
      const fact = this.isFact(criterion) ?? this.compare(criterion, words[++at] ?? '')
      if (fact === undefined && matches) {
        this.warn(
          `${place}: Match ${criterion} is not followed without an OpenSSH client; its lines are left out`,
        )
      }
      matches &&= fact !== undefined && fact !== negated
    }
    return matches
  }

  private isFact(criterion: string): boolean | undefined {
    if (criterion === 'all') return true
    return criterion === 'final' || criterion === 'canonical' ? this.isFinalPass : undefined
  }

  /** Undefined for what cannot be known here: `exec` above all, which would run a command. */
  private compare(criterion: string, list: string): boolean | undefined {
    const user = userInfo().username
    switch (criterion) {
      case 'host':
        return matchesPatternList(list.toLowerCase(), this.hostName().toLowerCase())
      case 'originalhost':
        return matchesPatternList(list.toLowerCase(), this.destination.host.toLowerCase())
      case 'user':
        return matchesPatternList(list, this.options.get('user')?.[0] ?? user)
      case 'localuser':
        return matchesPatternList(list, user)
      default:
        return undefined
    }
  }

  /** ssh_config(5), HostName: %h is the name as given. In lower case, unless it is an address (ssh.c). */
  private hostName(): string {
    const { host } = this.destination
    const written = this.options.get('hostname')?.[0]
    if (this.isFinalPass && written !== undefined) return written
    const name = written?.replace(/%[h%]/g, (token) => (token === '%h' ? host : '%')) ?? host
    return name.includes(':') ? name : name.toLowerCase()
  }
}

/** A value as `ssh -G` would print it. */
function valuesOf(keyword: string, words: readonly string[], rest: string): string[] {
  if (keyword.endsWith('knownhostsfile')) return [...words]
  if (verbatim.has(keyword)) return [rest]
  const value = words.join(' ')
  if (durations.has(keyword)) return [durationSeconds(value) ?? value]
  const flag = value.toLowerCase()
  return [flag === 'true' ? 'yes' : flag === 'false' ? 'no' : value]
}

/** sshd_config(5), TIME FORMATS: `1m30s`. */
function durationSeconds(text: string): string | undefined {
  if (!/^(\d+[smhdw]?)+$/i.test(text)) return undefined
  const units: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 604_800 }
  const parts = [...text.toLowerCase().matchAll(/(\d+)([smhdw]?)/g)]
  return String(parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 1), 0))
}
