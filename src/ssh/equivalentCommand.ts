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
  /** The session beside it, where the server prints its URLs there: the login shell, or a command. */
  session?: 'shell' | { exec: string }
}): string {
  const { destination, bind, local, identityFile, session } = options
  const { user, host, port } = destination
  const words = [
    'ssh',
    session === undefined ? '-nN' : '-T',
    '-o',
    'ExitOnForwardFailure=yes',
    ...(identityFile === undefined ? [] : ['-i', identityFile]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '-R',
    `${formatAddress(bind)}:${formatHostPort(local.host, local.port)}`,
    user === undefined ? host : `${user}@${host}`,
    // Without the dashes ssh takes options behind the host for its own.
    ...(typeof session === 'object' ? ['--', ...session.exec.split(' ')] : []),
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
