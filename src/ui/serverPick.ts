import { window } from 'vscode'
import type { DisposableStore } from '../base/disposable'
import { Failure } from '../base/failure'
import type { Log } from '../base/log'
import { configuredServer, type Server } from '../servers/server'
import { listSshHosts } from '../servers/sshHosts'
import { formatProblem, type Servers } from '../servers/validation'
import type { AddServer } from './addServer'
import { settings } from './settings'
import { editServers } from './showFailure'
import { pickWhere } from './wherePick'
import { rowsToExpose } from './whereRows'

export interface ServerPickParts {
  readonly log: Log
  /** Starts the server that ships with the extension. */
  readonly thisMachine: () => Promise<Server>
  readonly addServer: AddServer
}

/**
 * Answers the server to expose through: the default one, the only one, or the one picked, which may be added first;
 * its connection then stays open as long as `until`. Undefined on Escape. `again` is the one of the try before.
 * @throws Failure when the settings hold servers but none of them is right.
 */
export async function pickServer(
  { log, thisMachine, addServer }: ServerPickParts,
  { until, again }: { readonly until: DisposableStore; readonly again: string | undefined },
): Promise<Server | undefined> {
  const servers = settings.servers()
  sayProblems(servers, log)
  const { profiles } = servers
  const named = (id: string | undefined) => profiles.find((profile) => profile.id === id)
  const only = profiles.length === 1 ? profiles[0] : undefined
  const chosen = named(again) ?? named(settings.defaultServer()) ?? only
  if (chosen !== undefined) return configuredServer(chosen, log)

  const where = await pickWhere(rowsToExpose(profiles, await listSshHosts()), {
    title: 'Expose Port',
    placeHolder: 'Where should it be public?',
  })
  if (where?.kind === 'this machine') return thisMachine()
  return where && addServer.add(where, until)
}

/** One wrong server must not stop the others, but it must not pass in silence either. */
function sayProblems({ profiles, problems }: Servers, log: Log): void {
  if (problems.length === 0) return
  const text = problems.map(formatProblem)
  for (const line of text) log.warn(line)
  if (profiles.length === 0) {
    throw new Failure({
      kind: 'invalid-settings',
      hop: 'settings',
      message: text.join(' · '),
      advice: 'Correct it in your settings and try again.',
      remedies: [{ do: 'open settings' }, { do: 'retry' }],
      canHeal: false,
    })
  }
  const open = 'Open Settings'
  void window
    .showWarningMessage(text.join(' · '), open)
    .then((chosen) => (chosen === open ? editServers() : undefined))
}
