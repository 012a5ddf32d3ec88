import { readdir, readFile, stat } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { isAbsolute, join, parse as parsePath, sep } from 'node:path'
import type { Line } from 'ssh-config'
import { failures } from './failures'
import { matchesPattern } from './patterns'

/** One line of ssh_config: a keyword in lower case and its words. */
export interface Directive {
  readonly keyword: string
  readonly words: readonly string[]
  /** All after the keyword, as it stands there. */
  readonly rest: string
  /** `file line 3`, for messages. */
  readonly place: string
}

export interface ReadingOptions {
  readonly warn: (message: string) => void
  readonly onDirective: (directive: Directive | Boundary) => void
}

/** Where an included file begins and ends: its sections do not reach out of it. */
export interface Boundary {
  readonly keyword: 'begin file' | 'end file'
}

/** Reads a user's configuration file line by line, and where it includes others, those in their place. */
export async function readDirectives(file: string, options: ReadingOptions, depth = 0): Promise<void> {
  const text = await readOwn(file)
  if (text === undefined) return
  // Only the parser of lines: compute() of this package runs Match exec, and nslookup for CanonicalizeHostname.
  const { default: SshConfig } = await import('ssh-config')
  const parseLine = (line: string) => SshConfig.parse(line)[0]
  options.onDirective({ keyword: 'begin file' })
  for (const [index, line] of text.split('\n').entries()) {
    const place = `${file} line ${index + 1}`
    const directive = readLine(line.trim(), place, parseLine)
    if (directive === undefined) continue
    if (directive.isDoubtful) options.warn(`${place} may be read otherwise by ssh: ${line.trim()}`)
    if (directive.keyword === 'include') await readIncluded(directive, options, depth)
    else options.onDirective(directive)
  }
  options.onDirective({ keyword: 'end file' })
}

type ParseLine = (line: string) => Line | undefined

function readLine(line: string, place: string, parseLine: ParseLine): ReadDirective | undefined {
  if (line === '' || line.startsWith('#')) return undefined
  const [, name = '', rest = ''] = /^"?(\w+)"?(?:[ \t]*=[ \t]*|[ \t]+)(.*)$/.exec(line) ?? []
  const keyword = aliases.get(name.toLowerCase()) ?? name.toLowerCase()
  // The package wants a value after `!final`; of Host it splits the same words and asks nothing of them.
  const words = wordsOf(keyword === 'match' ? `Host ${rest}` : line, parseLine)
  if (name !== '' && words !== undefined) {
    return { keyword, words, rest, place, isDoubtful: !verbatim.has(keyword) && doubtful.test(rest) }
  }
  // What follows a section line that cannot be read must not fall to the section before it.
  const isSection = /^\W*(host|match)\b/i.test(line)
  return { keyword: isSection ? 'host' : 'unreadable', words: [], rest, place, isDoubtful: true }
}

interface ReadDirective extends Directive {
  readonly isDoubtful: boolean
}

/** What the package reads otherwise than OpenSSH: single quotes, escapes, a # within a word. */
const doubtful = /^[^#]*('|\\[\\' ])|[^\s#]#/

function wordsOf(line: string, parseLine: ParseLine): readonly string[] | undefined {
  try {
    const parsed = parseLine(line)
    const value = parsed !== undefined && 'value' in parsed ? parsed.value : []
    const words = typeof value === 'string' ? [value] : value.map(({ val }) => val)
    return words.length === 0 || words.includes('') ? undefined : words
  } catch {
    return undefined
  }
}

/** Keywords that take the rest of the line as it is. */
export const verbatim = new Set(['proxycommand', 'localcommand', 'remotecommand', 'knownhostscommand'])

/** Older names that OpenSSH still takes (readconf.c). */
const aliases = new Map([
  ['identityfile2', 'identityfile'],
  ['pubkeyacceptedkeytypes', 'pubkeyacceptedalgorithms'],
  ['challengeresponseauthentication', 'kbdinteractiveauthentication'],
])

/** readconf.c, READCONF_MAX_DEPTH. */
const mostIncludes = 16

async function readIncluded(
  { words, place }: Directive,
  options: ReadingOptions,
  depth: number,
): Promise<void> {
  if (depth >= mostIncludes) {
    options.warn(`${place}: files include each other without end`)
    return
  }
  for (const word of words) {
    if (/[[\]]/.test(word)) options.warn(`${place}: a pattern with [] is not followed here: ${word}`)
    for (const file of await filesLike(anchored(word))) await readDirectives(file, options, depth + 1)
  }
}

/** ssh_config(5), Include: a relative path is taken to be in ~/.ssh. */
function anchored(path: string): string {
  if (path.startsWith('~/')) return join(homedir(), path.slice(2))
  return isAbsolute(path) ? path : join(homedir(), '.ssh', path)
}

/** The files that a pattern with `*` and `?` names, in their order, as glob(7) does: a leading dot is not matched. */
async function filesLike(pattern: string): Promise<readonly string[]> {
  const { root } = parsePath(pattern)
  let found = [root]
  for (const part of pattern.slice(root.length).split(sep)) {
    if (!/[*?]/.test(part)) {
      found = found.map((folder) => join(folder, part))
      continue
    }
    const matching = async (folder: string) =>
      (await readdir(folder).catch(() => []))
        .filter((name) => matchesPattern(part, name) && name.startsWith('.') === part.startsWith('.'))
        .sort()
        .map((name) => join(folder, name))
    found = (await Promise.all(found.map(matching))).flat()
  }
  return found
}

/**
 * The file's text; undefined when there is none.
 * @throws Failure when somebody else can write it: it may name commands to run (readconf.c, SSHCONF_CHECKPERM).
 */
async function readOwn(file: string): Promise<string | undefined> {
  const info = await stat(file).catch(() => undefined)
  if (info?.isFile() !== true) return undefined
  if (process.platform !== 'win32') {
    const isOwn = info.uid === 0 || info.uid === userInfo().uid
    if (!isOwn || (info.mode & 0o022) !== 0)
      throw failures.configRefused(`Bad owner or permissions on ${file}`, file)
  }
  return readFile(file, 'utf8').catch(() => undefined)
}
