import { Uri, env, window, workspace } from 'vscode'
import type { CapturedExchange } from '../http/capturedExchange'
import type { ExportFormat } from '../http/export/exportExchanges'
import type { ReadOnlyDocuments } from './readOnlyDocuments'

/** Gives captured exchanges away: to the clipboard, into a file, into an editor. Secrets are masked unless asked for. */
export class RequestExports {
  constructor(
    private readonly parts: {
      readonly documents: ReadOnlyDocuments
      /** Of this program. */
      readonly version: string
      /** What visitors call now, where the exchange's tunnel is open. */
      readonly originOf: (exchange: CapturedExchange) => string | undefined
    },
  ) {}

  async copy(
    format: Exclude<ExportFormat, 'har'>,
    exchange: CapturedExchange,
    secrets: 'masked' | 'shown',
  ): Promise<void> {
    const name = format === 'curl' ? 'cURL' : '.http'
    const text = await this.text(format, [exchange], secrets)
    await env.clipboard.writeText(text)
    const isMasked = secrets === 'masked' && text !== (await this.text(format, [exchange], 'shown'))
    if (!isMasked) return void window.setStatusBarMessage(`Copied as ${name}`, 3000)
    const again = 'Copy with Secrets'
    const said = `Copied as ${name}. Its secrets are masked.`
    if ((await window.showInformationMessage(said, again)) === again)
      await env.clipboard.writeText(await this.text(format, [exchange], 'shown'))
  }

  /** Asks where to, and whether with secrets if there are any. */
  async saveHar(exchanges: readonly CapturedExchange[]): Promise<void> {
    const masked = await this.text('har', exchanges, 'masked')
    const open = await this.text('har', exchanges, 'shown')
    const text = masked === open ? open : await chooseSecrets(masked, open)
    if (text === undefined) return
    const folder = workspace.workspaceFolders?.[0]?.uri
    const file = await window.showSaveDialog({
      title: 'Save as HAR',
      filters: { 'HTTP Archive': ['har'] },
      ...(folder === undefined ? {} : { defaultUri: Uri.joinPath(folder, 'requests.har') }),
    })
    if (file === undefined) return
    await workspace.fs.writeFile(file, Buffer.from(text))
    const show = 'Open'
    const count = exchanges.length === 1 ? 'The request is' : `${exchanges.length} requests are`
    if ((await window.showInformationMessage(`${count} saved in ${file.fsPath}`, show)) === show)
      await window.showTextDocument(file)
  }

  /** All that was kept of a body, in an editor of its own. */
  async openBody(
    { id, request, response }: CapturedExchange,
    of: 'request' | 'response',
    secrets: 'masked' | 'shown',
  ): Promise<void> {
    const part = of === 'request' ? request : response
    if (part === undefined) return
    const { bodyText } = await import('../http/body/bodyText')
    const { text, ending } = await bodyText(part, secrets)
    await this.parts.documents.show(`${of}-${id}.${ending}`, text)
  }

  private async text(
    format: ExportFormat,
    exchanges: readonly CapturedExchange[],
    secrets: 'masked' | 'shown',
  ): Promise<string> {
    const { exportExchanges } = await import('../http/export/exportExchanges')
    const { version, originOf } = this.parts
    return exportExchanges(format, exchanges, { secrets, version, originOf })
  }
}

async function chooseSecrets(masked: string, open: string): Promise<string | undefined> {
  const rows = [
    {
      label: 'Secrets masked',
      detail: 'Authorization, cookies, tokens and passwords are left out.',
      text: masked,
    },
    { label: 'With secrets', detail: 'Whoever gets the file can use them.', text: open },
  ]
  return (await window.showQuickPick(rows, { placeHolder: 'These requests hold secrets' }))?.text
}
