import { ConfigurationTarget, window, workspace, type QuickPickItem } from 'vscode'
import type { Log } from '../base/log'
import { configuredServer, type Server } from '../servers/server'
import { listSshHosts } from '../servers/sshHosts'
import { formatProblem, readServers } from '../servers/validation'
import { parseDestination } from '../ssh/destination'

/**
 * Asks for a server: which one, the URL visitors call, and where its sshd listens. Saves it in the user's settings.
 * Undefined on Escape; nothing is saved then.
 */
export async function addServer(log: Log): Promise<Server | undefined> {
  const ssh = await askDestination()
  if (ssh === undefined) return undefined
  const publicUrl = await ask(
    'The URL that visitors call',
    `https://{name}.${domainOf(ssh)}`,
    'With {name}, each port gets a name of its own. The reverse proxy on the server must answer there.',
    (value) =>
      problemIn({ ssh, publicUrl: value, bind: value.includes('{name}') ? named : single }, 'publicUrl'),
  )
  if (publicUrl === undefined) return undefined
  const bind = await ask(
    'Where sshd listens for the reverse proxy',
    publicUrl.includes('{name}') ? named : single,
    'A unix socket, or an address and port on the server.',
    (value) =>
      problemIn({ ssh, publicUrl, bind: value }, 'bind') ?? problemIn({ ssh, publicUrl, bind: value }),
  )
  if (bind === undefined) return undefined
  return save({ ssh, bind, publicUrl, tls: 'server' }, log)
}

const title = 'Add a Server'
const named = '/run/expose/{name}.sock'
const single = '127.0.0.1:8080'

async function askDestination(): Promise<string | undefined> {
  const other: QuickPickItem = { label: '$(edit) Another server (user@host)…', alwaysShow: true }
  const hosts: QuickPickItem[] = (await listSshHosts()).map((host) => ({
    label: host,
    description: 'ssh_config',
  }))
  const picked = hosts.length === 0 ? other : await pickHost([...hosts, other])
  if (picked !== other) return picked?.label
  return window.showInputBox({
    title,
    prompt: 'Where to log in by SSH',
    placeHolder: 'user@dev.example.com or user@host:port',
    ignoreFocusOut: true,
    validateInput: (value) =>
      parseDestination(value) === undefined
        ? 'Write user@host, user@host:port or a Host of ssh_config.'
        : undefined,
  })
}

async function pickHost(rows: QuickPickItem[]): Promise<QuickPickItem | undefined> {
  return window.showQuickPick(rows, { title, placeHolder: 'Which server?' })
}

async function ask(
  question: string,
  value: string,
  prompt: string,
  problem: (value: string) => string | undefined,
): Promise<string | undefined> {
  return window.showInputBox({
    title: `${title}: ${question}`,
    prompt,
    value,
    ignoreFocusOut: true,
    validateInput: problem,
  })
}

/** What the validator of the settings says, of one field or of all. */
function problemIn(entry: Record<string, unknown>, field?: string): string | undefined {
  return readServers({ server: entry }).problems.find(
    (problem) => field === undefined || problem.field === field,
  )?.message
}

/** The domain, where the destination tells one. */
function domainOf(ssh: string): string {
  const host = parseDestination(ssh)?.host ?? ''
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$/i.test(host) ? host.toLowerCase() : 'dev.example.com'
}

async function save(entry: Record<string, unknown>, log: Log): Promise<Server> {
  const configuration = workspace.getConfiguration('exposePort')
  const present = (configuration.inspect('servers')?.globalValue ?? {}) as Record<string, unknown>
  const host = parseDestination(String(entry['ssh']))?.host ?? 'server'
  let id = host
  for (let count = 2; id in present; count++) id = `${host}-${count}`
  await configuration.update('servers', { ...present, [id]: entry }, ConfigurationTarget.Global)
  log.info(`server "${id}" is now in the settings`)
  const { profiles, problems } = readServers({ [id]: entry })
  const [profile] = profiles
  if (profile === undefined) throw new Error(problems.map(formatProblem).join(' · '))
  return configuredServer(profile, log)
}
