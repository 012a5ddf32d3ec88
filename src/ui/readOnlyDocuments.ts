import {
  EventEmitter,
  TabInputText,
  Uri,
  ViewColumn,
  window,
  workspace,
  type Disposable,
  type TextDocumentContentProvider,
} from 'vscode'
import { DisposableStore } from '../base/disposable'

const scheme = 'expose-port'

/** Texts that are made to be read, shown as documents that nobody is asked to save when they are closed. */
export class ReadOnlyDocuments implements TextDocumentContentProvider, Disposable {
  private readonly owned = new DisposableStore()
  private readonly texts = new Map<string, string>()
  private readonly didChange = this.owned.add(new EventEmitter<Uri>())
  readonly onDidChange = this.didChange.event

  constructor() {
    this.owned.add(workspace.registerTextDocumentContentProvider(scheme, this))
    this.owned.add(workspace.onDidCloseTextDocument(({ uri }) => this.texts.delete(uri.toString())))
  }

  /** Shows a text under a name whose ending tells its language; the same name is shown anew. */
  async show(name: string, text: string): Promise<void> {
    const uri = Uri.from({ scheme, path: `/${name.replaceAll('/', '-')}` })
    this.texts.set(uri.toString(), text)
    this.didChange.fire(uri)
    await window.showTextDocument(uri, { viewColumn: columnFor(uri), preview: false })
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.texts.get(uri.toString()) ?? ''
  }

  dispose(): void {
    this.owned.dispose()
  }
}

/** Where it is open already, else where another of ours is, else beside what the person has open. */
function columnFor(uri: Uri): ViewColumn {
  const tabs = window.tabGroups.all.flatMap(({ tabs, viewColumn }) =>
    tabs.flatMap(({ input }) => (input instanceof TabInputText ? [{ uri: input.uri, viewColumn }] : [])),
  )
  const here = tabs.find((tab) => tab.uri.toString() === uri.toString())
  const ours = tabs.find((tab) => tab.uri.scheme === scheme)
  return (here ?? ours)?.viewColumn ?? (tabs.length === 0 ? ViewColumn.Active : ViewColumn.Beside)
}
