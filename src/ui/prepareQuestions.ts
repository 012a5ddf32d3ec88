import { InputBoxValidationSeverity, QuickPickItemKind, window, type QuickPickItem } from 'vscode'
import { dnsRecords } from '../servers/prepare/describe'
import type { GatewayStatus } from '../servers/prepare/output'
import { readDomain, readGatewayKey } from '../servers/prepare/request'
import type { FoundKey } from './publicKeys'

/** A key to be let in; where its private half is known, it is this person's. */
export type ChosenKey = Pick<FoundKey, 'line' | 'fingerprint' | 'privateFile'> & {
  readonly isOurs: boolean
}

/** Asks for the domain of the gateway, and says which entry in DNS it takes. Undefined on Escape. */
export async function askGatewayDomain(
  ssh: string,
  address: string | undefined,
): Promise<string | undefined> {
  const typed = await window.showInputBox({
    title: `Prepare ${ssh}: the domain`,
    prompt:
      'A tunnel named my-app becomes https://my-app.DOMAIN. All names below the domain must lead to this server.',
    placeHolder: 'dev.example.com',
    ignoreFocusOut: true,
    validateInput: (value) => {
      const domain = readDomain(value)
      if (domain === undefined) return 'Write a domain of yours such as dev.example.com.'
      const records = dnsRecords(domain, address ?? 'ADDRESS-OF-THE-SERVER').join(', ')
      return { message: `Needs this entry in DNS: ${records}`, severity: InputBoxValidationSeverity.Info }
    },
  })
  return typed === undefined ? undefined : readDomain(typed)
}

/** Asks which key may open tunnels. Undefined on Escape. */
export async function askGatewayKey(ssh: string, keys: readonly FoundKey[]): Promise<ChosenKey | undefined> {
  const rows: KeyItem[] = keys.map((key) => ({
    label: `$(key) ${key.place}`,
    description: key.comment,
    detail: `${key.type} ${key.fingerprint}`,
    key,
  }))
  const paste: KeyItem = {
    label: '$(clippy) Paste a public key…',
    detail: 'One line of a .pub file, such as that of a colleague',
    key: undefined,
  }
  const separator: KeyItem = { label: '', kind: QuickPickItemKind.Separator, key: undefined }
  const picked = await window.showQuickPick([...rows, separator, paste], {
    title: `Prepare ${ssh}: the key`,
    placeHolder: 'Whose key may open tunnels there, and do nothing else?',
    matchOnDescription: true,
    matchOnDetail: true,
    ignoreFocusOut: true,
  })
  if (picked === undefined) return undefined
  return picked.key === undefined ? askPastedKey(ssh) : { ...picked.key, isOurs: true }
}

interface KeyItem extends QuickPickItem {
  readonly key: FoundKey | undefined
}

async function askPastedKey(ssh: string): Promise<ChosenKey | undefined> {
  const typed = await window.showInputBox({
    title: `Prepare ${ssh}: the key`,
    prompt: 'One line of a .pub file',
    placeHolder: 'ssh-ed25519 AAAA… you@laptop',
    ignoreFocusOut: true,
    validateInput: (value) =>
      readGatewayKey(value) === undefined
        ? 'Paste one line such as "ssh-ed25519 AAAA…", never a private key.'
        : undefined,
  })
  const key = typed === undefined ? undefined : readGatewayKey(typed)
  return key && { ...key, isOurs: false }
}

export type ManageChoice = 'key' | 'update' | 'use' | 'uninstall'

/** What to do with a server that is a gateway already; undefined on Escape. */
export async function askWhatToManage(
  ssh: string,
  { domain, keys }: GatewayStatus,
): Promise<ManageChoice | undefined> {
  const rows: (QuickPickItem & { choice: ManageChoice })[] = [
    {
      label: '$(key) Let another key in…',
      detail:
        keys.length === 1 ? 'One key may open tunnels now.' : `${keys.length} keys may open tunnels now.`,
      choice: 'key',
    },
    {
      label: '$(cloud-upload) Bring it up to date',
      detail: 'Changes what differs from what this version would set up; shows first what that is.',
      choice: 'update',
    },
    {
      label: '$(plug) Use it from here',
      detail: 'Checks that a key of yours opens tunnels there, and adds it to your servers.',
      choice: 'use',
    },
    {
      label: '$(trash) Uninstall…',
      detail: 'Puts back what was there before; every tunnel through it ends.',
      choice: 'uninstall',
    },
  ]
  const picked = await window.showQuickPick(rows, {
    title: `${ssh} is prepared for ${domain ?? 'tunnels'}`,
    placeHolder: 'What should be done?',
    matchOnDetail: true,
    ignoreFocusOut: true,
  })
  return picked?.choice
}

/**
 * Asks before anything is changed. The plan stands in a document behind the question; whoever wants to read it is
 * asked by a notification instead.
 */
export async function confirmPreparation(question: {
  readonly ssh: string
  readonly domain: string
  readonly lines: readonly string[]
  readonly warnings: readonly string[]
  readonly showScript: () => Promise<void>
}): Promise<boolean> {
  const { ssh, domain, lines, warnings, showScript } = question
  const prepare = 'Prepare'
  const read = 'Show Script'
  const bullets = lines.map((line) => `• ${line}`).join('\n')
  const detail = [bullets, ...warnings].join('\n\n')
  const answer = await window.showWarningMessage(
    `Prepare ${ssh} for ${domain}?`,
    { modal: true, detail },
    prepare,
    read,
  )
  if (answer !== read) return answer === prepare
  await showScript()
  const later = await window.showInformationMessage(
    `Prepare ${ssh} for ${domain}? The plan and the script are open to be read.`,
    prepare,
    'Cancel',
  )
  return later === prepare
}

export async function confirmUninstall(ssh: string, domain: string): Promise<boolean> {
  const uninstall = 'Uninstall'
  const answer = await window.showWarningMessage(
    `Uninstall the gateway of ${domain} on ${ssh}?`,
    {
      modal: true,
      detail:
        'The server becomes as it was before it was prepared. Every tunnel through it ends, whoever has it open. What stands in your settings stays there.',
    },
    uninstall,
  )
  return answer === uninstall
}
