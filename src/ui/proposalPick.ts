import { QuickPickItemKind, window, type QuickPickItem } from 'vscode'
import type { ServerEvidence } from '../servers/look/evidence'
import { readDomain } from '../servers/prepare/request'
import type { Proposal } from '../servers/propose/proposal'
import { proposalRows, type Wanted } from './proposalRows'

/** A server that was looked at. */
export interface Seen {
  readonly evidence: ServerEvidence
  readonly proposals: readonly Proposal[]
}

/** Lets a person choose among the proposals, the best one first; undefined on Escape. */
export async function pickProposal({ evidence, proposals }: Seen): Promise<Wanted | undefined> {
  const rows = proposalRows(proposals, evidence)
  const items = rows.flatMap((row, index): WantedItem[] => {
    const isFirstOfGroup = rows[index - 1]?.group !== row.group
    return isFirstOfGroup ? [{ label: row.group, kind: QuickPickItemKind.Separator }, row] : [row]
  })
  const picked = await window.showQuickPick(items, {
    title: `Add ${evidence.ssh}`,
    placeHolder: 'How should ports be public through it?',
    matchOnDescription: true,
    matchOnDetail: true,
    // Whoever looks up a name in DNS meanwhile must not have to begin anew.
    ignoreFocusOut: true,
  })
  return picked?.wanted
}

interface WantedItem extends QuickPickItem {
  readonly wanted?: Wanted
}

/** Asks for a domain below which URLs could stand; undefined on Escape. */
export async function askDomain(ssh: string): Promise<string | undefined> {
  const typed = await window.showInputBox({
    title: `Look for another domain on ${ssh}`,
    prompt: 'A domain of yours that leads to this server, or could',
    placeHolder: 'dev.example.com',
    ignoreFocusOut: true,
    validateInput: (value) =>
      readDomain(value) === undefined ? 'Write a domain such as dev.example.com.' : undefined,
  })
  return typed === undefined ? undefined : readDomain(typed)
}
