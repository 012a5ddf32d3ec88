import { homedir, hostname, userInfo } from 'node:os'
import type { Destination } from './destination'
import type { SshOptions } from './sshConfig'

/** Puts in the tokens of ssh_config(5), TOKENS, and `${VARIABLE}`s; what it does not know stays as it is. */
export function tokenExpansion(destination: Destination, options: SshOptions): (text: string) => string {
  const first = (keyword: string) => options.get(keyword)?.[0]
  const { username, uid } = userInfo()
  const tokens = new Map<string, string>([
    ['%%', '%'],
    ['%d', homedir()],
    ['%h', first('hostname') ?? destination.host],
    ['%i', String(uid)],
    ['%k', first('hostkeyalias')?.toLowerCase() ?? destination.host],
    ['%L', hostname().replace(/\..*/, '')],
    ['%l', hostname()],
    ['%n', destination.host],
    ['%p', String(portOf(destination, options))],
    ['%r', destination.user ?? first('user') ?? username],
    ['%u', username],
  ])
  return (text) =>
    text.replace(/%[%a-zA-Z]|\$\{(\w+)\}/g, (token, variable: string | undefined) => {
      const value = variable === undefined ? tokens.get(token) : process.env[variable]
      return value ?? token
    })
}

/** The port to connect to. */
export function portOf(destination: Destination, options: SshOptions): number {
  const port = Number(options.get('port')?.[0])
  return destination.port ?? (port >= 1 && port <= 65535 ? port : 22)
}
