import type { ListeningProcess } from './listeningPort'

/**
 * What a person would call the process: the script or module an interpreter runs (`vite` for
 * `node /app/node_modules/.bin/vite --port 3000`), else the process's own name.
 */
export function programName(process: ListeningProcess): string {
  const own = withoutEnding(process.name)
  const [, ...args] = words(process.command ?? '')
  if (!INTERPRETER.test(own)) return own
  // An option's value, or code given on the command line, is no name.
  const isValue = (index: number) => TAKES_VALUE.test(args[index - 1] ?? '')
  const first = args.findIndex((arg, index) => !arg.startsWith('-') && !isValue(index))
  const module = args.indexOf('-m')
  if (/^py/i.test(own) && module >= 0 && module < first) return args[module + 1] ?? own
  const script = withoutEnding(args[first] ?? '')
  return /^[\w@.+-]+$/.test(script) && !NAMELESS.test(script) ? script : own
}

const INTERPRETER = /^(node|nodejs|bun|deno|python[\d.]*|pypy[\d.]*|ruby[\d.]*|php[\d.]*|perl)$/i
const TAKES_VALUE = /^(-[reXWcC]|--require|--import|--loader|--eval)$/
// Names that say nothing about which program it is.
const NAMELESS = /^(index|main|run|start|cli|__main__)$/

/** The words of a command line; quoted ones, as Windows writes them, without their quotes. */
function words(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word)
}

function withoutEnding(path: string): string {
  const name = path.split(/[\\/]/).at(-1) ?? ''
  return name.replace(/\.(exe|[cm]?[jt]s|py|rb|php|pl)$/i, '')
}
