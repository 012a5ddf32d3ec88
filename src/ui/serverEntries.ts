import { workspace } from 'vscode'
import type { Log } from '../base/log'
import { configuredServer, type Server } from '../servers/server'
import { formatProblem, readServers } from '../servers/validation'

/** The names under `exposePort.servers` that are in use, also by servers that are not right. */
export function takenIds(): readonly string[] {
  const value: unknown = workspace.getConfiguration().inspect('exposePort.servers')?.globalValue
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

/** The server that an entry we made ourselves describes. */
export function serverFrom(id: string, entry: object, log: Log): Server {
  const { profiles, problems } = readServers({ [id]: entry })
  const [profile] = profiles
  if (profile === undefined) throw new Error(problems.map(formatProblem).join(' · '))
  return configuredServer(profile, log)
}
