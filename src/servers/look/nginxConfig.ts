/** One directive of nginx's configuration, with its block where it has one. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly block: readonly Directive[]
}

/**
 * Reads nginx's configuration from files that are already here, with what they include. What is missing or cannot be
 * read is left out. `files` by absolute path; relative includes stand below the first file's directory, as nginx has
 * it.
 */
export function readNginxConfig(main: string, files: ReadonlyMap<string, string>): readonly Directive[] {
  const directory = main.replace(/\/[^/]*$/, '')
  const parsed = new Map<string, readonly Directive[]>()
  let left = mostIncludes
  const read = (path: string, depth: number): Directive[] => {
    if (depth > deepestInclude) return []
    const directives = parsed.get(path) ?? parse(tokens(files.get(path) ?? ''))
    parsed.set(path, directives)
    return include(directives, depth)
  }
  const include = (directives: readonly Directive[], depth: number): Directive[] =>
    directives.flatMap((directive) => {
      const [pattern] = directive.args
      if (directive.name !== 'include' || pattern === undefined) {
        return [{ ...directive, block: include(directive.block, depth) }]
      }
      const path = pattern.startsWith('/') ? pattern : `${directory}/${pattern}`
      return left-- <= 0 ? [] : matching(path, files).flatMap((each) => read(each, depth + 1))
    })
  return read(main, 0)
}

const deepestInclude = 4
/** Files that include each other, many times over, must not keep this process busy. */
const mostIncludes = 2000
const deepestBlock = 50

function matching(pattern: string, files: ReadonlyMap<string, string>): string[] {
  // With each star a regular expression takes longer by the length of the name.
  if (pattern.split('/').some((part) => part.split('*').length > 3)) return []
  const regex = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
  const whole = new RegExp(`^${regex}$`)
  return [...files.keys()].filter((path) => whole.test(path)).sort()
}

interface Token {
  readonly text: string
  readonly isQuoted: boolean
}

/** Words, quoted words, and the three signs (ngx_conf_file.c, ngx_conf_read_token). */
function tokens(text: string): Token[] {
  const found: Token[] = []
  const pattern =
    /\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([;{}])|((?:\$\{|\\.|[^\s;{}])(?:\$\{|\\.|[^\s;{])*)/gsy
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [, double, single, sign, word] = match
    const quoted = double ?? single
    if (quoted !== undefined) found.push({ text: quoted.replace(/\\(["'])/g, '$1'), isQuoted: true })
    else if ((sign ?? word) !== undefined) found.push({ text: sign ?? word ?? '', isQuoted: false })
  }
  return found
}

/** Tolerant: what is open at the end is closed there. */
function parse(list: readonly Token[]): Directive[] {
  let position = 0
  const parseBlock = (depth: number): Directive[] => {
    const directives: Directive[] = []
    let words: string[] = []
    const finish = (block: readonly Directive[]) => {
      const [name, ...args] = words
      if (name !== undefined) directives.push({ name, args, block })
      words = []
    }
    while (position < list.length) {
      const { text, isQuoted } = list[position++] ?? { text: '', isQuoted: false }
      if (isQuoted || !';{}'.includes(text)) words.push(text)
      else if (text === ';') finish([])
      else if (text === '{' && depth < deepestBlock) finish(parseBlock(depth + 1))
      else break
    }
    return directives
  }
  return parseBlock(0)
}
