import { readFile, writeFile } from 'node:fs/promises'
import * as path from 'node:path'

/**
 * code-server lets every extension use proposed API. A published extension may not, so a test would pass here and
 * the extension would fail at its users'. This puts back the rule of VS Code stable (`isProposedApiEnabled` in
 * extensions.ts, and `ExtensionsProposedApi`, which strips `enabledApiProposals` from what is not built in).
 *
 * @param out the `out` folder of the server build.
 * @throws Error when the code that is to be replaced is not there: then code-server changed its patch.
 */
export async function restoreProposedApiCheck(out: string): Promise<void> {
  const workbench = 'vs/code/browser/workbench/workbench.js'
  const files = [
    'server-main.js',
    'vs/workbench/api/node/extensionHostProcess.js',
    'vs/workbench/api/worker/extensionHostWorkerMain.js',
    workbench,
  ]
  for (const file of files) {
    await edit(path.join(out, file), (text) => {
      const checked = replaceOnce(
        file,
        text,
        alwaysEnabled,
        '$<head>{return!!$<extension>.enabledApiProposals?.includes($<proposal>)}',
      )
      return file === workbench ? replaceOnce(file, checked, enabledForAll, '$<head>!1') : checked
    })
  }
}

/** `function isProposedApiEnabled(e,t){return!0}`, known by the function after it, which throws when it says no. */
const alwaysEnabled =
  /(?<head>function (?<name>[\w$]+)\((?<extension>[\w$]+),(?<proposal>[\w$]+)\))\{return!0\}(?=function [\w$]+\([^)]*\)\{if\(!\k<name>\([^)]*\)\)throw new Error\(`Extension '\$\{[^}]*\}' CANNOT use API proposal)/

/** `this._envEnablesProposedApiForAll=true`, known by the member that is set just before it. */
const enabledForAll = /(?<head>extensionEnabledProposedApi\?\?\[\]\)\.map\([^;{}]{1,80}?\)\),this\.[\w$]+=)!0/

async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, 'utf8')))
}

function replaceOnce(file: string, text: string, pattern: RegExp, replacement: string): string {
  const found = [...text.matchAll(new RegExp(pattern, 'g'))].length
  if (found !== 1) {
    throw new Error(
      `code-server's change to the proposed-API check was found ${String(found)} times in ${file}, expected once`,
    )
  }
  return text.replace(pattern, replacement)
}
