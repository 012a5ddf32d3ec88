import { parseEnv } from 'node:util'
import { Uri, window, workspace } from 'vscode'
import { Cancelled } from '../base/failure'
import { envAnswers } from '../webhooks/envAnswers'
import { pathsInCode } from '../webhooks/pathsInCode'
import type { Answers, Provider } from '../webhooks/provider'

/** What the workspace's `.env` says of what a provider asks for, if the person agrees. @throws Cancelled on Escape. */
export async function answersFromEnv({ asks, title }: Provider): Promise<Answers> {
  const found = await Promise.all((workspace.workspaceFolders ?? []).map(({ uri }) => readEnv(uri)))
  const { answers, names } = envAnswers(asks, Object.assign({}, ...found) as Record<string, string>)
  if (names.length === 0) return {}
  const read = 'Read Them from .env'
  const chosen = await window.showQuickPick(
    [
      { label: read, detail: names.join(', ') },
      { label: 'Enter by Hand', detail: 'The file is left alone.' },
    ],
    { title: `Set Up ${title}`, placeHolder: 'The workspace has an .env file', ignoreFocusOut: true },
  )
  if (chosen === undefined) throw new Cancelled()
  return chosen.label === read ? answers : {}
}

async function readEnv(folder: Uri): Promise<object> {
  const text = await readText(Uri.joinPath(folder, '.env'))
  return text === undefined ? {} : parseEnv(text)
}

/** Paths that the workspace's code names, the likeliest first. */
export async function pathsOfWorkspace(): Promise<string[]> {
  const files = await workspace.findFiles(
    sources,
    '**/{node_modules,dist,build,out,.git,vendor,venv,.venv}/**',
    200,
  )
  const read = await Promise.all(
    files.map(async (uri) => ({ file: workspace.asRelativePath(uri), text: (await readText(uri)) ?? '' })),
  )
  return pathsInCode(read)
}

const sources = '**/*.{js,mjs,cjs,ts,mts,cts,jsx,tsx,py,go,rb,php,java,kt,cs,rs}'
const largestSource = 256 * 1024

async function readText(uri: Uri): Promise<string | undefined> {
  try {
    const { size } = await workspace.fs.stat(uri)
    return size > largestSource ? undefined : Buffer.from(await workspace.fs.readFile(uri)).toString()
  } catch {
    return undefined
  }
}
