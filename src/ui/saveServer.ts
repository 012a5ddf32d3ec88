import { readdir, readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import {
  ConfigurationTarget,
  Range,
  Uri,
  WorkspaceEdit,
  env,
  workspace,
  type Event,
  type TextDocument,
} from 'vscode'
import type { Clock } from '../base/clock'
import type { Log } from '../base/log'
import { newServerId } from '../servers/serverId'
import { settingsNotEditable } from '../servers/settingsNotEditable'

/**
 * Saves a server in the user's settings and answers its id: the one that is given, whose server is then written
 * anew, or a new one made of the host's name. Comments in the file stay, also those among the servers, which VS
 * Code's own way of writing a setting takes away; that is only used where the file is not known for certain.
 * Resolves when VS Code shows the server in its configuration.
 * @throws Failure when settings.json is not such that something can be added; it is then as it was.
 */
export async function saveServer(
  server: { readonly id?: string; readonly entry: object },
  parts: SaveParts,
): Promise<string> {
  const { entry } = server
  const present = serversNow()
  const id = server.id ?? newServerId(entry, Object.keys(present ?? {}))
  const file = await fileOf(present, parts.globalStorageUri)
  const isSaved = file !== undefined && (await writeInto(file, id, entry, parts))
  if (!isSaved) {
    await update(present, id, entry)
    await until(() => isShown(id, entry), workspace.onDidChangeConfiguration, parts.clock)
  }
  parts.log.info(`server "${id}" is now in the settings${isSaved ? `, in ${file.fsPath}` : ''}`)
  return id
}

export interface SaveParts {
  /** Of the extension's context. Beside it are VS Code's own files. */
  readonly globalStorageUri: Uri
  readonly clock: Clock
  readonly log: Log
}

const key = 'exposePort.servers'

function serversNow(): unknown {
  return workspace.getConfiguration().inspect(key)?.globalValue
}

/**
 * The one settings.json that says of the servers what VS Code says. Undefined when none does, and when several do,
 * as with profiles: which of them is in use is not told to extensions.
 */
async function fileOf(present: unknown, globalStorageUri: Uri): Promise<Uri | undefined> {
  const { valueIn } = await import('../servers/settingsEdit')
  const counting: Uri[] = []
  for (const uri of await settingsFiles(globalStorageUri)) {
    try {
      const value = valueIn(await readFile(uri.fsPath, 'utf8'), [key])
      if (isDeepStrictEqual(value, plain(present))) counting.push(uri)
    } catch {
      // Not there, or not JSON: VS Code says so itself when it is to write there.
    }
  }
  return counting.length === 1 ? counting[0] : undefined
}

/**
 * The files that may count. Storage is at `User/globalStorage/ID` in VS Code's folder; settings are at
 * `User/settings.json` and `User/profiles/ID/settings.json`, and in a remote window those of a machine are at
 * `Machine/settings.json`.
 */
async function settingsFiles(globalStorageUri: Uri): Promise<Uri[]> {
  const user = Uri.joinPath(Uri.file(globalStorageUri.fsPath), '..', '..')
  if (env.remoteName !== undefined) return [Uri.joinPath(user, '..', 'Machine', 'settings.json')]
  const profiles = await readdir(Uri.joinPath(user, 'profiles').fsPath).catch(() => [])
  return [user, ...profiles.map((id) => Uri.joinPath(user, 'profiles', id))].map((folder) =>
    Uri.joinPath(folder, 'settings.json'),
  )
}

/**
 * Edits the file as a person does who opens it. What they have not saved yet is saved along: the other way would be
 * to write past their editor, and one of the two would be lost. Answers false, with the file as before, when VS Code
 * does not show the server afterwards.
 */
async function writeInto(uri: Uri, id: string, entry: object, { clock, log }: SaveParts): Promise<boolean> {
  const { addServerTo, replaceServerIn, valueIn } = await import('../servers/settingsEdit')
  const document = await open(uri)
  await untilCurrent(document, clock)
  const before = document.getText()
  const isThere = valueIn(before, [key, id]) !== undefined
  const after = (isThere ? replaceServerIn : addServerTo)(before, [key], id, entry)
  if (!(await replaceText(document, after))) throw settingsNotEditable('The file changed at the same time.')
  if (!(await document.save())) {
    await replaceText(document, before)
    throw settingsNotEditable('VS Code did not save the file.')
  }
  if (await until(() => isShown(id, entry), workspace.onDidChangeConfiguration, clock)) return true
  log.warn(`${uri.fsPath} does not seem to be the settings in use`)
  if (document.getText() === after && (await replaceText(document, before))) await document.save()
  return false
}

function isShown(id: string, entry: object): boolean {
  const servers = serversNow() as Record<string, unknown> | undefined
  return isDeepStrictEqual(plain(servers?.[id]), plain(entry))
}

/** VS Code keeps documents for a while, and needs a moment to notice that their files were written. */
async function untilCurrent(document: TextDocument, clock: Clock): Promise<void> {
  const plainText = (text: string) => text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  const onDisk = plainText(await readFile(document.uri.fsPath, 'utf8'))
  const isCurrent = () => document.isDirty || plainText(document.getText()) === onDisk
  await until(isCurrent, workspace.onDidChangeTextDocument, clock)
}

/** The settings editor opens the file under a scheme of its own; its document is the one to edit then. */
async function open(uri: Uri): Promise<TextDocument> {
  const isOpen = workspace.textDocuments.find(
    (document) => document.uri.fsPath === uri.fsPath && !document.isClosed,
  )
  return isOpen ?? (await workspace.openTextDocument(uri))
}

/** Touches only what differs, so that the cursor and the folding of an open editor stay. */
async function replaceText(document: TextDocument, text: string): Promise<boolean> {
  const before = document.getText()
  const shorter = Math.min(before.length, text.length)
  let start = 0
  while (start < shorter && before[start] === text[start]) start++
  let end = 0
  while (end < shorter - start && before[before.length - 1 - end] === text[text.length - 1 - end]) end++
  const range = new Range(document.positionAt(start), document.positionAt(before.length - end))
  const edit = new WorkspaceEdit()
  edit.replace(document.uri, range, text.slice(start, text.length - end))
  return workspace.applyEdit(edit)
}

/** Whether it becomes true while VS Code, which needs a moment for its files, fires that event. */
function until(isTrue: () => boolean, event: Event<unknown>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (answer: boolean) => {
      listener.dispose()
      timer.dispose()
      resolve(answer)
    }
    const listener = event(() => {
      if (isTrue()) settle(true)
    })
    const timer = clock.after(patienceMs, () => settle(isTrue()))
    if (isTrue()) settle(true)
  })
}

const patienceMs = 10_000

async function update(present: unknown, id: string, entry: object): Promise<void> {
  const isObject = typeof present === 'object' && present !== null && !Array.isArray(present)
  try {
    if (present !== undefined && !isObject) throw new Error(`${key} is not an object.`)
    await workspace.getConfiguration().update(key, { ...present, [id]: entry }, ConfigurationTarget.Global)
  } catch (error) {
    throw settingsNotEditable((error as Error).message, error)
  }
}

/** As JSON has it: without what is undefined, and with objects of the ordinary kind. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown)
}
