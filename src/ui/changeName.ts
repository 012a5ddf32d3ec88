import { InputBoxValidationSeverity, commands, window } from 'vscode'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { PortWatcher } from '../ports/watcher'
import type { ServerProfile } from '../servers/profile'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds } from './commandIds'
import { formatLocalTarget } from './localTarget'
import { longestNameOf, nameProblem, renamedUrl, whyNoName } from './nameWish'
import { announce, openInProgress } from './openTunnel'
import type { PortAccess } from './portAccess'
import { namesOfOthers, rememberWish, type NamedTarget } from './portName'
import { showFailure } from './showFailure'
import { chooseTunnel } from './tunnelCommands'
import type { UrlClipboard } from './urlClipboard'

interface ChangeNameParts {
  readonly tunnels: Tunnels
  readonly watcher: PortWatcher
  readonly clipboard: UrlClipboard
  readonly access: PortAccess
  readonly log: Log
}

/** The command "Change Name…": of an open tunnel, given by its id or picked. */
export function registerChangeName(parts: ChangeNameParts): Disposable {
  return commands.registerCommand(commandIds.changeName, async (id: unknown) => {
    const tunnel = await chooseTunnel(parts.tunnels, 'The name of which tunnel should change?', id)
    if (tunnel !== undefined) await changeName(tunnel, parts)
  })
}

/**
 * Asks for another name of a port and remembers it in the settings. Answers the name; undefined on Escape, and where
 * the names of the server cannot be chosen, which is then said.
 */
export async function askAnotherName(
  named: NamedTarget,
  options: { readonly profile: ServerProfile; readonly name: string; readonly tunnels: Tunnels },
): Promise<string | undefined> {
  const name = await askName(named, options)
  if (name !== undefined) await rememberWish(named, { name })
  return name
}

/** The tunnel under the new name opens before the one under the old name ends: when it cannot, all is as before. */
async function changeName(tunnel: Tunnel, parts: ChangeNameParts): Promise<void> {
  const { tunnels, watcher, log } = parts
  const { app, server } = tunnel
  const listening = watcher.ports.find(({ port }) => app.host === 'localhost' && port === app.port)
  const named: NamedTarget = { target: { host: app.host, port: app.port }, listening }
  const { profile } = server
  let typed: string | undefined
  for (;;) {
    try {
      typed = await askName(named, {
        profile,
        name: tunnel.name,
        typed,
        tunnels,
        publicUrl: tunnel.publicUrl,
      })
      if (typed === undefined || typed === tunnel.name) return
      const renamed = await openInProgress(tunnels, { app, gate: tunnel.gate, server, name: typed })
      await tunnel.stop()
      await rememberWish(named, { name: typed })
      await announce(renamed, parts)
      return
    } catch (error) {
      const another = () => Promise.resolve(true)
      if (!(await showFailure(error, log, 'error', another))) return
    }
  }
}

async function askName(
  named: NamedTarget,
  options: {
    readonly profile: ServerProfile
    readonly name: string
    /** What stands there to be changed; the name unless given. */
    readonly typed?: string | undefined
    readonly tunnels: Tunnels
    /** What visitors call now. */
    readonly publicUrl?: string | undefined
  },
): Promise<string | undefined> {
  const { profile, name, typed = name, tunnels } = options
  const publicUrl = options.publicUrl ?? tunnels.expectedUrl(profile, name)
  const why = whyNoName(profile)
  if (why !== undefined) {
    await window.showInformationMessage(why)
    return undefined
  }
  const rules = { longest: longestNameOf(profile), taken: takenNames(named, profile, tunnels) }
  return window.showInputBox({
    title: `Change the name of port ${formatLocalTarget(named.target)}`,
    prompt: 'It is part of the URL, and stays the same each time.',
    value: typed,
    ignoreFocusOut: true,
    validateInput: (value) => {
      const problem = nameProblem(value, rules)
      if (problem !== undefined || publicUrl === undefined) return problem
      const message =
        value === name ? `The URL is ${publicUrl}` : `The URL becomes ${renamedUrl(publicUrl, name, value)}`
      return { message, severity: InputBoxValidationSeverity.Info }
    },
  })
}

/** Those of other ports in the settings, and of other tunnels through the same server. */
function takenNames(
  named: NamedTarget,
  { ssh }: ServerProfile,
  tunnels: Tunnels,
): ReadonlyMap<string, string> {
  const names = namesOfOthers(named)
  const { host, port } = named.target
  for (const { app, name, server } of tunnels.all) {
    const isOther = app.host !== host || app.port !== port
    if (isOther && server.profile.ssh === ssh) names.set(name, formatLocalTarget(app))
  }
  return names
}
