import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import type { FromInspector, ToInspector } from '../../src/http/inspectorMessages'
import { inspectorHtml } from '../../src/ui/inspectorHtml'
import type { Scope } from './scope'
import { launchChromium } from './vscode/chromium'

const root = join(__dirname, '..', '..')
let built: Promise<unknown> | undefined
const origin = 'http://localhost:1'

/** The inspector's page as it is published, in a browser, without VS Code: the test plays the extension. */
export interface InspectorPage {
  readonly page: Page
  /** What the extension would tell it. */
  tell(message: ToInspector): Promise<void>
  /** What it has asked for, oldest first. */
  asked(): Promise<readonly FromInspector[]>
  /** What the browser complained of: a breach of the policy, an error in the page. */
  readonly complaints: readonly string[]
  /** Runs JavaScript in the page, on the element that a selector finds, as `element`. */
  on<T>(selector: string, expression: string): Promise<T>
  /** Loads it again with the state it has saved, as when it was hidden. */
  reload(): Promise<void>
  /** Loads it as if for the first time, in a window of the usual size. */
  reopen(): Promise<void>
}

export async function openInspectorPage(scope: Scope): Promise<InspectorPage> {
  built ??= promisify(execFile)(process.execPath, [join(root, 'esbuild.mjs')], { cwd: root })
  await built
  const context = await launchChromium(scope)
  context.setDefaultTimeout(10_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  await page.route(`${origin}/**`, (route) => {
    const { pathname } = new URL(route.request().url())
    if (pathname === '/') return route.fulfill({ contentType: 'text/html', body: html() })
    if (pathname === '/theme.css') return route.fulfill({ contentType: 'text/css', body: theme })
    const type = { js: 'text/javascript', css: 'text/css', ttf: 'font/ttf' }[pathname.split('.').at(-1) ?? '']
    return route.fulfill({
      contentType: type ?? 'text/plain',
      body: readFileSync(join(root, 'dist', 'webview', pathname)),
    })
  })
  await page.addInitScript(fakeVsCode)
  await page.goto(`${origin}/`)
  return {
    page,
    complaints,
    tell: async (message) => {
      // As one text: thousands of objects would go one by one.
      await page.evaluate(
        `postMessage(JSON.parse(${JSON.stringify(JSON.stringify(message, bytesToArrays))}, arraysToBytes))`,
      )
    },
    asked: () => page.evaluate<readonly FromInspector[]>('window.asked'),
    on: <T>(selector: string, expression: string) =>
      page.evaluate<T>(`((element) => (${expression}))(document.querySelector(${JSON.stringify(selector)}))`),
    reopen: async () => {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.evaluate('sessionStorage.clear()')
      await page.reload()
    },
    reload: async () => {
      await page.reload()
    },
  }
}

/** JSON has no bytes. */
function bytesToArrays(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { bytesOf: [...value] } : value
}

/** As VS Code's own, but that what is posted is kept for the test, and the state in the tab. */
const fakeVsCode = `
  window.arraysToBytes = (_key, value) => (value?.bytesOf ? new Uint8Array(value.bytesOf) : value)
  window.asked = []
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => window.asked.push(structuredClone(message)),
    getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
    setState: (state) => sessionStorage.setItem('state', JSON.stringify(state)),
  })
`

function html(): string {
  return inspectorHtml({
    script: `${origin}/inspector.js`,
    styles: [`${origin}/codicon.css`, `${origin}/inspectorStyle.css`],
    source: origin,
    nonce: 'only-for-this-test',
    place: 'editor',
  }).replace('</head>', `<link rel="stylesheet" href="${origin}/theme.css"></head>`)
}

/** The colours of VS Code's dark theme that the page uses most; in VS Code itself all come from there. */
const theme = `:root {
  --vscode-font-family: system-ui, "Segoe UI", "Noto Sans", sans-serif; --vscode-font-size: 13px;
  --vscode-editor-font-family: "DejaVu Sans Mono", monospace; --vscode-editor-font-size: 12px;
  --vscode-foreground: #cccccc; --vscode-descriptionForeground: #9d9d9d; --vscode-errorForeground: #f85149;
  --vscode-editorWarning-foreground: #cca700; --vscode-disabledForeground: #cccccc80;
  --vscode-panel-border: #2b2b2b; --vscode-focusBorder: #0078d4; --vscode-input-background: #313131;
  --vscode-input-border: #3c3c3c; --vscode-input-foreground: #cccccc; --vscode-dropdown-background: #313131;
  --vscode-dropdown-foreground: #cccccc; --vscode-dropdown-border: #3c3c3c;
  --vscode-list-hoverBackground: #2a2d2e; --vscode-list-activeSelectionBackground: #04395e;
  --vscode-list-activeSelectionForeground: #ffffff; --vscode-list-inactiveSelectionBackground: #37373d;
  --vscode-charts-green: #89d185; --vscode-charts-blue: #3794ff; --vscode-charts-yellow: #cca700;
  --vscode-charts-red: #f14c4c; --vscode-textLink-foreground: #4daafc;
  --vscode-debugTokenExpression-name: #c586c0; --vscode-debugTokenExpression-string: #ce9178;
  --vscode-debugTokenExpression-number: #b5cea8; --vscode-debugTokenExpression-boolean: #4e94ce;
  --vscode-button-background: #0078d4; --vscode-button-foreground: #ffffff;
  --vscode-inputOption-activeBackground: #2489db82; --vscode-inputOption-activeForeground: #ffffff;
  --vscode-diffEditor-removedLineBackground: #ff000033; --vscode-diffEditor-insertedLineBackground: #9bb95533;
  --vscode-icon-foreground: #cccccc;
  --vscode-editor-background: #1f1f1f;
}`
