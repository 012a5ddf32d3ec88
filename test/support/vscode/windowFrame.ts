import { mkdir, readdir, readFile } from 'node:fs/promises'
import * as path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { BrowserContext, Page } from 'playwright-core'
import type { Scope } from '../scope'
import { eventually } from './eventually'
import { describeSight, look, type Sight } from './look'
import { projectRoot } from './serverBuild'
import type { VsCodeServer } from './vsCodeServer'

export interface OpenWindowOptions {
  /** Absolute path of the folder to open. Without it: an empty window. */
  readonly folder?: string
  /** The window is ready when this status item is there; else when the eager extensions are activated. */
  readonly readyWhen?: { readonly statusItem: string }
  /** 60 s unless given. */
  readonly readyTimeoutMs?: number
}

/** The life of a window, from its opening to its closing, and the evidence when something in it fails. */
export class WindowFrame {
  private current: Page | undefined

  constructor(
    readonly server: VsCodeServer,
    private readonly options: OpenWindowOptions,
    private readonly scope: Scope,
    private readonly context: BrowserContext,
  ) {}

  /** Playwright's own view of the window, for what no verb does. */
  get page(): Page {
    if (this.current === undefined) throw new Error('This window is closed.')
    return this.current
  }

  /** Waits for anything in sight. @param expectation completes the sentence "Expected …". */
  async see<T>(expectation: string, probe: (sight: Sight) => T | undefined, timeoutMs?: number): Promise<T> {
    return await this.attempt(`to see ${expectation}`, () =>
      eventually(expectation, async () => probe(await look(this.page)), timeoutMs),
    )
  }

  /** Saves a picture into `test-artifacts/` and gives its path. */
  async screenshot(name: string): Promise<string> {
    const folder = path.join(projectRoot, 'test-artifacts')
    await mkdir(folder, { recursive: true })
    const file = path.join(folder, `${name}-vscode-${this.server.version}.png`)
    // Notifications and menus slide in; nobody looks at them before they have arrived.
    await this.page.waitForTimeout(300)
    await this.page.screenshot({ path: file })
    return file
  }

  /** Loads the window again, as "Developer: Reload Window" does. */
  async reload(): Promise<void> {
    const before = await this.extensionHostLogs()
    await this.page.reload()
    await this.waitUntilReady(before)
  }

  /** Closes the window and opens it with the same profile, as when VS Code is quit and started again. */
  async reopen(folder: string | undefined = this.options.folder): Promise<void> {
    await this.current?.close()
    const before = await this.extensionHostLogs()
    this.current = await this.context.newPage()
    // `ew`: an empty window, and not the folder that was open last.
    const query = folder === undefined ? '?ew=true' : `?folder=${encodeURIComponent(folder)}`
    await this.current.goto(`${this.server.url}/${query}`)
    await this.waitUntilReady(before)
  }

  /** Closes the window and its browser. Extensions see their `deactivate()`. */
  async close(): Promise<void> {
    await this.current?.close()
    this.current = undefined
    await this.scope.close()
  }

  /** Does something, and adds to its failure what the window showed instead, and a picture. */
  protected async attempt<T>(purpose: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      if (error instanceof WindowError) throw error
      const reason = stripVTControlCharacters(error instanceof Error ? error.message : String(error))
      // Playwright appends every try; the first lines say what stands in the way.
      const short = reason.split('\n').slice(0, 12).join('\n')
      throw new WindowError(`Could not manage ${purpose}. ${short}\n${await this.evidence()}`)
    }
  }

  private async waitUntilReady(logsBefore: ReadonlySet<string>): Promise<void> {
    const { readyWhen, readyTimeoutMs = 60_000 } = this.options
    await this.attempt('to get the window ready', async () => {
      await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: readyTimeoutMs })
      if (readyWhen === undefined) {
        const activated = (): Promise<true | undefined> => this.hasActivated(logsBefore)
        await eventually('an extension host with its eager extensions activated', activated, readyTimeoutMs)
      } else {
        await this.page.locator(`[id="${readyWhen.statusItem}"]`).waitFor({ timeout: readyTimeoutMs })
      }
    })
  }

  /** Nothing in sight tells it, so it is read in the log of the extension host that this window started. */
  private async hasActivated(logsBefore: ReadonlySet<string>): Promise<true | undefined> {
    for (const log of await this.extensionHostLogs()) {
      if (logsBefore.has(log)) continue
      if ((await readFile(log, 'utf8')).includes('Eager extensions activated')) return true
    }
    return undefined
  }

  private async extensionHostLogs(): Promise<Set<string>> {
    const files = await readdir(this.server.dirs.logs, { recursive: true })
    const logs = files.filter((file) => path.basename(file) === 'remoteexthost.log')
    return new Set(logs.map((file) => path.join(this.server.dirs.logs, file)))
  }

  private async evidence(): Promise<string> {
    try {
      failures += 1
      const picture = await this.screenshot(`failure-${process.pid}-${failures}`)
      return `${await describeSight(this.page)}\nPicture: ${path.relative(projectRoot, picture)}`
    } catch (error) {
      return `(the window could not be looked at: ${String(error)})`
    }
  }
}

class WindowError extends Error {}

let failures = 0
