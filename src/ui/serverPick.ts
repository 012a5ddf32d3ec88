import { QuickPickItemKind, window, type QuickPickItem } from 'vscode'
import { Failure } from '../base/failure'
import type { Log } from '../base/log'
import { configuredServer, type Server } from '../servers/server'
import { formatProblem, type Servers } from '../servers/validation'
import { addServer } from './addServer'
import { settings } from './settings'
import { editServers } from './showFailure'

/**
 * Answers the server to expose through: the default one, the only one, or the one picked. Undefined on Escape.
 * @throws Failure when the settings hold servers but none of them is right.
 */
export async function pickServer(options: {
  readonly log: Log
  /** Starts the server that ships with the extension. */
  readonly thisMachine: () => Promise<Server>
}): Promise<Server | undefined> {
  const { log, thisMachine } = options
  const servers = settings.servers()
  sayProblems(servers, log)
  const byDefault = servers.profiles.find((profile) => profile.id === settings.defaultServer())
  const only = servers.profiles.length === 1 ? servers.profiles[0] : undefined
  const chosen = byDefault ?? only
  if (chosen !== undefined) return configuredServer(chosen, log)

  const rows: ServerItem[] = [
    ...servers.profiles.map((profile) => ({
      label: profile.id,
      description: profile.ssh,
      detail: profile.publicUrl,
      choose: () => Promise.resolve(configuredServer(profile, log)),
    })),
    { label: '', kind: QuickPickItemKind.Separator, choose: nothing },
    {
      label: '$(add) Add a server…',
      detail: 'Your own server, with sshd and a reverse proxy such as nginx or Caddy',
      choose: () => addServer(log),
    },
    {
      label: '$(beaker) Try it on this machine only',
      detail: 'An HTTPS address that only this machine can reach; nothing becomes public',
      choose: thisMachine,
    },
  ]
  const picked = await window.showQuickPick(rows, {
    title: 'Expose Port',
    placeHolder: 'Where should it be public?',
    matchOnDescription: true,
    matchOnDetail: true,
  })
  return picked?.choose()
}

interface ServerItem extends QuickPickItem {
  readonly choose: () => Promise<Server | undefined>
}

function nothing(): Promise<undefined> {
  return Promise.resolve(undefined)
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
