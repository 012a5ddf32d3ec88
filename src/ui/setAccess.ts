import { commands, env, window, type QuickPickItem } from 'vscode'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { AccessWish } from '../http/access/accessRules'
import { linkUrl, makeToken } from '../http/access/shareLink'
import { readAccess, writeAccess } from '../servers/accessWish'
import { keyOf } from '../servers/portWishes'
import { readsHttp } from '../tunnels/readsHttp'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import { accessRows, type AccessTopic } from './accessRows'
import { askPassword } from './askPassword'
import { commandIds } from './commandIds'
import { formatLocalTarget } from './localTarget'
import type { PortAccess } from './portAccess'
import { portAccess, type NamedTarget } from './portName'
import { showFailure } from './showFailure'
import { chooseTunnel } from './tunnelCommands'

interface SetAccessParts {
  readonly tunnels: Tunnels
  readonly access: PortAccess
  readonly clock: Clock
  readonly log: Log
}

/** The command "Set Password or Access Rules…": of an open tunnel, given by its id or picked. */
export function registerSetAccess(parts: SetAccessParts): Disposable {
  return commands.registerCommand(commandIds.setAccess, async (id: unknown) => {
    const tunnel = await chooseTunnel(parts.tunnels, 'Who may come in through which tunnel?', id)
    if (tunnel === undefined) return
    try {
      await setAccess(tunnel, parts)
    } catch (error) {
      await showFailure(error, parts.log)
    }
  })
}

/** Shows the rules that hold, and lets one after another be set until Escape. */
async function setAccess(tunnel: Tunnel, parts: SetAccessParts): Promise<void> {
  const named = parts.access.named(tunnel)
  const isHttp = tunnel.way === undefined ? tunnel.app.protocol !== 'tcp' : readsHttp(tunnel.way, tunnel.app)
  for (;;) {
    const wish = portAccess(named)
    const facts = { isHttp, closesAt: tunnel.gate.access?.closesAt, now: parts.clock.now() }
    const rows = accessRows(wish, facts)
    const chosen = await window.showQuickPick(rows, {
      title: `Who may come in to port ${formatLocalTarget(named.target)}`,
      placeHolder: isHttp
        ? 'What holds now. Pick a rule to change it.'
        : 'What passes here is not read as HTTP: only addresses and the time can be held.',
    })
    if (chosen === undefined) return
    await change(chosen.topic, { tunnel, named, wish, parts })
  }
}

interface Scene {
  readonly tunnel: Tunnel
  readonly named: NamedTarget
  readonly wish: AccessWish
  readonly parts: SetAccessParts
}

async function change(topic: AccessTopic, scene: Scene): Promise<void> {
  const { named, wish, parts } = scene
  const { access } = parts
  switch (topic) {
    case 'password':
      return changePassword(scene)
    case 'allow':
    case 'deny':
    case 'open':
    case 'methods': {
      const list = await askList(topic, wish[topic])
      if (list !== undefined)
        await access.choose(named, withFields(wish, { [topic]: list.length > 0 ? list : undefined }))
      return
    }
    case 'closing':
      return changeClosing(scene)
    case 'share':
      return share(scene)
    case 'endLinks':
      await access.endLinks()
      return void window.showInformationMessage(
        'The links that were shared for this workspace no longer work.',
      )
    case 'remove':
      return access.choose(named, {})
  }
}

async function changePassword({ named, wish, parts: { access } }: Scene): Promise<void> {
  const port = keyOf(named.target)
  const set = { label: '$(key) Set a password…' }
  const copy = { label: '$(copy) Copy the password' }
  const user = { label: '$(person) Set the user name…', description: wish.user ?? 'any' }
  const remove = { label: '$(trash) Remove the password', description: 'everybody may come in' }
  const chosen =
    wish.password === true ? await window.showQuickPick<QuickPickItem>([set, copy, user, remove]) : set
  if (chosen === copy) await env.clipboard.writeText((await access.secrets.password(port)) ?? '')
  if (chosen === remove)
    await access.choose(named, withFields(wish, { password: undefined, user: undefined }))
  if (chosen === user) {
    const name = await askText('user', wish.user ?? '', 'The user name that visitors write; any if empty.')
    if (name !== undefined)
      await access.choose(named, withFields(wish, { user: name === '' ? undefined : name }))
  }
  if (chosen !== set) return
  const password = await askPassword(named.target)
  if (password === undefined) return
  await access.secrets.setPassword(port, password)
  await access.choose(named, { ...wish, password: true })
  await env.clipboard.writeText(password)
  void window.showInformationMessage(
    `Visitors of port ${port} are asked for the password, which is on the clipboard.`,
  )
}

async function changeClosing({ named, wish, parts: { access } }: Scene): Promise<void> {
  const spans = ['30m', '1h', '4h', '1d']
  const labels = ['in 30 minutes', 'in 1 hour', 'in 4 hours', 'in 1 day']
  const other = 'in another time…'
  const never = 'when the window closes'
  const chosen = await window.showQuickPick([never, ...labels, other], { placeHolder: 'It closes' })
  if (chosen === undefined) return
  let span = spans[labels.indexOf(chosen)]
  if (chosen === other) {
    span = await askText('closeAfter', '2h', 'The time until it closes, such as 45m, 2h or 3d.')
    if (span === undefined) return
  }
  await access.choose(named, withFields(wish, { closeAfter: span }), { anew: true })
}

async function share({ tunnel, named, wish, parts }: Scene): Promise<void> {
  const { access, clock } = parts
  if (wish.password !== true) {
    const set = 'Set a Password…'
    const text =
      'Without a password everybody may come in anyway. A link stands for the password, until it expires.'
    if ((await window.showInformationMessage(text, { modal: true }, set)) === set)
      await changePassword({ tunnel, named, wish, parts })
    return
  }
  const { publicUrl } = tunnel
  const lives = [
    { label: 'for 1 hour', ms: 3_600_000 },
    { label: 'for 1 day', ms: 86_400_000 },
    { label: 'for 7 days', ms: 604_800_000 },
  ]
  const life = await window.showQuickPick(lives, {
    placeHolder: 'Whoever has the link may come in without the password',
  })
  if (life === undefined || publicUrl === undefined) return
  const signer = { key: await access.secrets.linkKey(), subject: keyOf(named.target) }
  await env.clipboard.writeText(linkUrl(publicUrl, makeToken(signer, { expiresAt: clock.now() + life.ms })))
  void window.showInformationMessage(`A link that lets its bearer in ${life.label} is on the clipboard.`)
}

const questions = {
  allow: {
    field: 'allow',
    prompt: 'Addresses and networks that may come in, with commas between; all if empty.',
  },
  deny: { field: 'deny', prompt: 'Addresses and networks that may never come in, with commas between.' },
  open: { field: 'open', prompt: 'Paths that need no password, with commas between: /webhook, /hooks/*' },
  methods: {
    field: 'methods',
    prompt: 'Methods that are let in, with commas between; all if empty: GET, POST',
  },
} as const

async function askList(
  topic: keyof typeof questions,
  value: readonly string[] = [],
): Promise<readonly string[] | undefined> {
  const { field, prompt } = questions[topic]
  const split = (text: string) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')
  const text = await window.showInputBox({
    prompt,
    value: value.join(', '),
    ignoreFocusOut: true,
    validateInput: (typed) => (split(typed).length === 0 ? undefined : problemOf({ [field]: split(typed) })),
  })
  return text === undefined ? undefined : split(text)
}

async function askText(
  field: 'user' | 'closeAfter',
  value: string,
  prompt: string,
): Promise<string | undefined> {
  return window.showInputBox({
    prompt,
    value,
    ignoreFocusOut: true,
    validateInput: (typed) =>
      field === 'user' && typed === '' ? undefined : problemOf({ password: true, [field]: typed }),
  })
}

/** What the settings would say of it. */
function problemOf(access: Record<string, unknown>): string | undefined {
  const read = readAccess(access)
  return 'wrong' in read ? read.wrong : undefined
}

/** Through the form of the settings; what is undefined is taken out. */
function withFields(wish: AccessWish, change: Record<string, unknown>): AccessWish {
  const fields = Object.entries({ ...writeAccess(wish), ...change })
  const read = readAccess(Object.fromEntries(fields.filter(([, value]) => value !== undefined)))
  return 'value' in read ? read.value : wish
}
