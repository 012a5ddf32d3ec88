import { formatAddress, formatHostPort, type Address } from '../base/address'
import type { Destination } from './destination'

/**
 * The OpenSSH command that opens the same remote forward (ssh(1), -R), quoted for a POSIX shell.
 */
export function equivalentSshCommand(options: {
  destination: Destination
  bind: Address
  local: { host: string; port: number }
  identityFile?: string | undefined
}): string {
  const { destination, bind, local, identityFile } = options
  const { user, host, port } = destination
  const words = [
    'ssh',
    '-nN',
    '-o',
    'ExitOnForwardFailure=yes',
    ...(identityFile === undefined ? [] : ['-i', identityFile]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '-R',
    `${formatAddress(bind)}:${formatHostPort(local.host, local.port)}`,
    user === undefined ? host : `${user}@${host}`,
  ]
  return words.map(quote).join(' ')
}

function quote(word: string): string {
  // Not [ and ]: the shell takes [::1] for a pattern of file names.
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  // The shell expands a tilde only where it is not quoted.
  const home = word.startsWith('~/') ? '~/' : ''
  return `${home}'${word.slice(home.length).replaceAll("'", `'\\''`)}'`
}
