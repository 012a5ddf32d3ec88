import { sep } from 'node:path'
import { ConfigurationTarget, workspace, type WorkspaceFolder } from 'vscode'
import type { Log } from '../base/log'
import type { AccessWish } from '../http/access/accessRules'
import type { GateOptions } from '../http/gateOptions'
import type { ListeningPort } from '../ports/listeningPort'
import { accessFor, formatPortProblem, gateFor, keyOf, nameFor, writtenKeyOf } from '../servers/portWishes'
import type { ServerProfile } from '../servers/profile'
import type { LocalTarget } from './localTarget'
import { longestNameOf } from './nameWish'
import { realPath } from './portPick'
import { settings } from './settings'

/** A target, with what is known of the process that listens there. */
export interface NamedTarget {
  readonly target: LocalTarget
  readonly listening: ListeningPort | undefined
}

/**
 * What stands for `{name}` in a port's URL, the same each time: the one in the settings, else made from the folder.
 * @throws Failure when the one in the settings is too long for the server.
 */
export function portName({ target, listening }: NamedTarget, profile: ServerProfile, log: Log): string {
  const folder = folderOf(listening)
  const { wishes, problems } = settings.ports(folder?.uri)
  for (const problem of problems) log.warn(formatPortProblem(problem))
  return nameFor({ wishes, target, folder: folder?.name, longest: longestNameOf(profile) })
}

/** What the settings wish of the gate for this port. */
export function portGate({ target, listening }: NamedTarget): GateOptions {
  return gateFor(settings.ports(folderOf(listening)?.uri).wishes, target)
}

/** Who the settings let in to this port. @throws Failure when that cannot be read. */
export function portAccess({ target, listening }: NamedTarget): AccessWish {
  return accessFor(settings.ports(folderOf(listening)?.uri), target)
}

/** The names of other ports in the settings, each with its port. */
export function namesOfOthers({ target, listening }: NamedTarget): Map<string, string> {
  const names = new Map<string, string>()
  for (const [key, { name }] of settings.ports(folderOf(listening)?.uri).wishes) {
    if (name !== undefined && key !== keyOf(target)) names.set(name, key)
  }
  return names
}

/**
 * Writes wishes for a port where everybody who works on the folder has them; without a folder in the user's settings.
 * One that is undefined is taken out.
 */
export async function rememberWish(
  { target, listening }: NamedTarget,
  change: Readonly<Record<string, unknown>>,
): Promise<void> {
  const folder = folderOf(listening)
  const configuration = workspace.getConfiguration('exposePort', folder?.uri)
  const place = placeFor(folder)
  const written = objectOr(configuration.inspect('ports')?.[place.value])
  const key = writtenKeyOf(target, written)
  const wish = defined({ ...objectOr(written[key]), ...change })
  const ports = defined({ ...written, [key]: Object.keys(wish).length === 0 ? undefined : wish })
  await configuration.update('ports', ports, place.target)
}

function placeFor(folder: WorkspaceFolder | undefined): {
  target: ConfigurationTarget
  value: 'globalValue' | 'workspaceFolderValue' | 'workspaceValue'
} {
  if (folder === undefined) return { target: ConfigurationTarget.Global, value: 'globalValue' }
  return workspace.workspaceFile === undefined
    ? { target: ConfigurationTarget.Workspace, value: 'workspaceValue' }
    : { target: ConfigurationTarget.WorkspaceFolder, value: 'workspaceFolderValue' }
}

/** The workspace folder the listening process runs in, else the first one. */
function folderOf(listening: ListeningPort | undefined): WorkspaceFolder | undefined {
  const folders = workspace.workspaceFolders ?? []
  const processFolder = listening?.process?.folder
  const inside = folders.find(({ uri }) => {
    const path = realPath(uri.fsPath)
    return processFolder === path || processFolder?.startsWith(path + sep) === true
  })
  return inside ?? folders[0]
}

function defined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}

function objectOr(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}
