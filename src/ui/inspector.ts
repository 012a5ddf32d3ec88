import { randomBytes } from 'node:crypto'
import {
  Uri,
  ViewColumn,
  window,
  type Webview,
  type WebviewPanel,
  type WebviewPanelSerializer,
  type WebviewView,
  type WebviewViewProvider,
} from 'vscode'
import { DisposableStore, type Disposable } from '../base/disposable'
import { inspectorHtml } from './inspectorHtml'
import { InspectorSession, type InspectorSessionOptions } from './inspectorSession'

/** As package.json names the view in the panel. */
export const inspectorView = 'exposePort.requestsView'
/** As package.json names its activation event. */
export const inspectorPanel = 'exposePort.requests'

export type InspectorOptions = Omit<InspectorSessionOptions, 'tell'> & { readonly extensionUri: Uri }

/**
 * The request inspector: one editor a window, and the same page in the panel at the bottom. What the page shows is sent
 * to it again whenever it is seen again, and it keeps its selection, filter and place by itself: so nothing of it
 * stays in memory while it is hidden.
 */
export class Inspector implements Disposable, WebviewViewProvider, WebviewPanelSerializer {
  private readonly owned = new DisposableStore()
  private panel: { readonly panel: WebviewPanel; readonly session: InspectorSession } | undefined

  constructor(private readonly options: InspectorOptions) {
    this.owned.add(window.registerWebviewViewProvider(inspectorView, this))
    this.owned.add(window.registerWebviewPanelSerializer(inspectorPanel, this))
  }

  /** Shows it beside the editor, or where it is already; with one tunnel's requests only, if that is wished. */
  show(tunnelId?: number): void {
    if (this.panel === undefined) {
      const isAnyOpen = window.tabGroups.all.some(({ tabs }) => tabs.length > 0)
      const column = isAnyOpen ? ViewColumn.Beside : ViewColumn.Active
      this.adopt(window.createWebviewPanel(inspectorPanel, 'Requests', column))
    } else {
      this.panel.panel.reveal()
    }
    if (tunnelId !== undefined) this.panel?.session.tell({ kind: 'only', tunnelId })
  }

  resolveWebviewView(view: WebviewView): void {
    const session = this.begin(view.webview, 'panel')
    view.onDidChangeVisibility(() => {
      if (!view.visible) session.hide()
    })
    view.onDidDispose(() => this.owned.delete(session))
  }

  /** After a reload of the window. */
  deserializeWebviewPanel(panel: WebviewPanel): Promise<void> {
    if (this.panel === undefined) this.adopt(panel)
    else panel.dispose()
    return Promise.resolve()
  }

  dispose(): void {
    this.panel?.panel.dispose()
    this.owned.dispose()
  }

  private adopt(panel: WebviewPanel): void {
    const session = this.begin(panel.webview, 'editor')
    this.panel = { panel, session }
    panel.iconPath = Uri.joinPath(this.options.extensionUri, 'media', 'requests.svg')
    panel.onDidChangeViewState(() => {
      if (!panel.visible) session.hide()
    })
    panel.onDidDispose(() => {
      this.owned.delete(session)
      this.panel = undefined
    })
  }

  private begin(webview: Webview, place: 'editor' | 'panel'): InspectorSession {
    const tell: InspectorSessionOptions['tell'] = (message) => void webview.postMessage(message)
    const session = this.owned.add(new InspectorSession({ ...this.options, tell }))
    webview.onDidReceiveMessage((message: unknown) => session.receive(message))
    const folder = Uri.joinPath(this.options.extensionUri, 'dist', 'webview')
    const file = (name: string) => webview.asWebviewUri(Uri.joinPath(folder, name)).toString()
    webview.options = { enableScripts: true, localResourceRoots: [folder] }
    webview.html = inspectorHtml({
      script: file('inspector.js'),
      styles: [file('codicon.css'), file('inspectorStyle.css')],
      source: webview.cspSource,
      nonce: randomBytes(16).toString('base64'),
      place,
    })
    return session
  }
}
