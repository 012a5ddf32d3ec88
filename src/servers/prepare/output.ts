/** One line of what the script prints, by what it means. What programs say comes indented, and is never mistaken. */
export type ScriptLine =
  | { readonly kind: 'step'; readonly number: number; readonly of: number; readonly title: string }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  /** What another program said about the error. */
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'advice'; readonly text: string }
  /** It failed or was stopped, and all of it is undone. */
  | { readonly kind: 'taken back' }
  | { readonly kind: 'done'; readonly text: string }
  /** What `status` says. */
  | { readonly kind: 'fact'; readonly name: string; readonly value: string }
  | { readonly kind: 'detail'; readonly text: string }

export function readScriptLine(line: string): ScriptLine {
  const [, number, of, title = ''] = /^\[(\d+)\/(\d+)\] (.+)$/.exec(line) ?? []
  if (number !== undefined) return { kind: 'step', number: Number(number), of: Number(of), title }
  const [, name = '', text = ''] = /^([a-z]+(?: back)?): ?(.*)$/.exec(line) ?? []
  switch (name) {
    case 'warning':
    case 'error':
    case 'said':
    case 'advice':
    case 'done':
      return { kind: name, text }
    case 'taken back':
      return { kind: name }
    case 'prepared':
    case 'domain':
    case 'directory':
    case 'caddy':
    case 'sshd':
    case 'key':
      return { kind: 'fact', name, value: text }
    default:
      return { kind: 'detail', text: line.trimEnd() }
  }
}

/** Cuts what arrives in pieces into lines; `end` gives the last one when no line end followed it. */
export class Lines {
  private rest = ''

  constructor(private readonly onLine: (line: string) => void) {}

  add(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) this.onLine(printable(line))
    // A program that never ends its line must not fill the memory.
    if (this.rest.length > longestLine) this.end()
  }

  end(): void {
    if (this.rest !== '') this.onLine(printable(this.rest))
    this.rest = ''
  }
}

const longestLine = 64 * 1024

/** Without colours and other control characters, and only what a bar of progress showed last. */
function printable(line: string): string {
  const last = line.replace(/\r+$/, '').split('\r').at(-1) ?? ''
  return last.replace(colour, '').replace(/(?![\t\n])\p{Cc}/gu, '')
}

/** ECMA-48 8.3.117, and what else a terminal is told in this way. */
const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g')

/** What `status` tells of a server. */
export interface GatewayStatus {
  readonly isPrepared: boolean
  readonly domain?: string
  readonly directory?: string
  readonly isCaddyRunning: boolean
  readonly isSshdSetUp: boolean
  /** As ssh-keygen -l prints them: length, `SHA256:…`, comment, type. */
  readonly keys: readonly string[]
}

export function readGatewayStatus(lines: readonly ScriptLine[]): GatewayStatus {
  const facts = lines.filter((line) => line.kind === 'fact')
  const fact = (name: string) => facts.find((one) => one.name === name)?.value
  const [domain, directory] = [fact('domain'), fact('directory')]
  return {
    isPrepared: fact('prepared') === 'yes',
    ...(domain === undefined ? {} : { domain }),
    ...(directory === undefined ? {} : { directory }),
    isCaddyRunning: fact('caddy') === 'running',
    isSshdSetUp: fact('sshd') === 'set up',
    keys: facts.filter(({ name }) => name === 'key').map(({ value }) => value),
  }
}
