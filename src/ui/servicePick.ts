import { window, type QuickPickItem } from 'vscode'
import type { ServiceName } from '../servers/profile'
import { parseDestination } from '../ssh/destination'

/** What a person should know before choosing a tunnel service. */
const services: readonly { service: ServiceName; label: string; detail: string }[] = [
  {
    service: 'localhost.run',
    label: 'localhost.run',
    detail: 'No account needed. A free address changes after a few hours.',
  },
  {
    service: 'pinggy',
    label: 'pinggy.io',
    detail: 'No account needed. A free tunnel ends after 60 minutes; the next has another address.',
  },
  {
    service: 'serveo',
    label: 'serveo.net',
    detail: 'Any SSH key. People see a warning page first; own names take a registered key.',
  },
  {
    service: 'tuns.sh',
    label: 'tuns.sh',
    detail: 'For members of pico.sh, by the SSH key registered there. The name stays.',
  },
  {
    service: 'ngrok',
    label: 'ngrok',
    detail: 'With an account there, by the SSH key registered in its dashboard.',
  },
  { service: 'sish', label: 'A sish server…', detail: 'Your own, or a friend’s.' },
]

/** Asks for a tunnel service; answers its entry in the settings, or undefined on Escape. */
export async function pickService(): Promise<{ readonly service: unknown } | undefined> {
  const rows: (QuickPickItem & { service: ServiceName })[] = services.map((row) => ({ ...row }))
  const picked = await window.showQuickPick(rows, {
    title: 'A Tunnel Service',
    placeHolder: 'Whoever runs it can read the traffic. Which one?',
    matchOnDetail: true,
  })
  if (picked === undefined) return undefined
  if (picked.service !== 'sish') return { service: picked.service }
  const host = await window.showInputBox({
    title: 'A sish Server',
    prompt: 'Where it is reached by SSH',
    placeHolder: 'my.sish.host or my.sish.host:2222',
    ignoreFocusOut: true,
    validateInput: (value) =>
      parseDestination(value.trim()) === undefined
        ? 'Write host or host:port, with user@ before it if need be.'
        : undefined,
  })
  return host === undefined ? undefined : { service: { sish: host.trim() } }
}
