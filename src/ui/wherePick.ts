import { QuickPickItemKind, window, type QuickPickItem } from 'vscode'
import { parseDestination } from '../ssh/destination'
import type { Where, WhereRow } from './whereRows'

/** Asks for one of the rows; undefined on Escape. */
export async function pickWhere(
  rows: readonly WhereRow[],
  { title, placeHolder }: { readonly title: string; readonly placeHolder: string },
): Promise<Where | undefined> {
  const items = rows.flatMap((row, index): WhereItem[] => {
    const isFirstOfGroup = rows[index - 1]?.group !== row.group
    return isFirstOfGroup ? [{ label: row.group, kind: QuickPickItemKind.Separator }, row] : [row]
  })
  const options = { title, placeHolder, matchOnDescription: true, matchOnDetail: true }
  return (await window.showQuickPick(items, options))?.where
}

interface WhereItem extends QuickPickItem {
  readonly where?: Where
}

/** Asks where to log in, in words of ssh; undefined on Escape. */
export async function askDestination(title: string): Promise<string | undefined> {
  const typed = await window.showInputBox({
    title,
    prompt: 'Where to log in by SSH',
    placeHolder: 'user@dev.example.com or user@host:port',
    ignoreFocusOut: true,
    validateInput: (value) =>
      parseDestination(value.trim()) === undefined
        ? 'Write user@host, user@host:port or a Host of ssh_config.'
        : undefined,
  })
  return typed?.trim()
}
