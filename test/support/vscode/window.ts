import type { FrameLocator } from 'playwright-core'
import { Scope } from '../scope'
import { launchChromium } from './chromium'
import { eventually } from './eventually'
import {
  look,
  type ModalDialog,
  type QuickInput,
  type QuickPickRow,
  type StatusItemState,
  type Toast,
} from './look'
import { allQuickPickRows, clickQuickPickRow, quickInputBox } from './quickPick'
import type { VsCodeServer } from './vsCodeServer'
import { WindowFrame, type OpenWindowOptions } from './windowFrame'

/** Opens VS Code in a headless Chromium with a fresh profile, 1280x800, and waits until it is ready. */
export async function openWindow(server: VsCodeServer, options: OpenWindowOptions = {}): Promise<Window> {
  const scope = new Scope()
  try {
    const context = await launchChromium(scope)
    context.setDefaultTimeout(10_000)
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url })
    // The key that VS Code encrypts secrets with in the browser. Without an answer it makes up a new one at
    // every load, and secrets are lost.
    await context.route('**/mint-key', (route) => route.fulfill({ body: Buffer.alloc(32, 7) }))
    const window = new Window(server, options, scope, context)
    await window.reopen()
    return window
  } catch (error) {
    await scope.close()
    throw error
  }
}

export interface Modal extends ModalDialog {
  click(label: string): Promise<void>
}

export interface StatusItem extends StatusItemState {
  click(): Promise<void>
}

/** One window of VS Code, used as a person uses it. Every verb waits, within a bound, for what it needs. */
export class Window extends WindowFrame {
  /** Runs a command from the Command Palette by the title shown there, e.g. "Expose Port: Stop All". */
  async runCommand(title: string): Promise<void> {
    await this.attempt(`to run the command "${title}"`, async () => {
      await this.openPalette()
      await this.page.locator(quickInputBox).fill(`>${title}`)
      const index = await eventually(`a command "${title}" in the Command Palette`, async () => {
        const rows = (await look(this.page)).quickPickRows.inSight
        return rows.find((row) => row.label === title || row.label.endsWith(`: ${title}`))?.index
      })
      await this.page.locator(`.quick-input-list .monaco-list-row[data-index="${index}"]`).click()
      // Else the next verb would take the palette for the quick pick that the command opens.
      await eventually('the Command Palette to close', async () =>
        (await look(this.page)).quickInput?.value === `>${title}` ? undefined : true,
      )
    })
  }

  /** The titles that the Command Palette offers for a text; none when it has no matching command. */
  async commandsMatching(text: string): Promise<string[]> {
    return await this.attempt(`to look for commands matching "${text}"`, async () => {
      await this.openPalette()
      await this.page.locator(quickInputBox).fill(`>${text}`)
      await this.page.waitForTimeout(500)
      const rows = await allQuickPickRows(this.page)
      await this.page.keyboard.press('Escape')
      return rows.map((row) => row.label).filter((label) => label !== 'No matching commands')
    })
  }

  /** The open quick pick or input box. */
  async quickInput(until: (input: QuickInput) => boolean = () => true): Promise<QuickInput> {
    return await this.see('a quick pick or input box', ({ quickInput }) =>
      quickInput !== undefined && until(quickInput) ? quickInput : undefined,
    )
  }

  /** All rows of the open quick pick, once there is at least one and `until` is content with them. */
  async quickPickRows(
    until: (rows: QuickPickRow[]) => boolean = (rows) => rows.length > 0,
  ): Promise<QuickPickRow[]> {
    return await this.attempt('to read the rows of a quick pick', () =>
      eventually('a quick pick with the rows looked for', async () => {
        const rows = await allQuickPickRows(this.page)
        return until(rows) ? rows : undefined
      }),
    )
  }

  /** Clicks a row of the open quick pick: the one with this label, or the first that holds the text. */
  async pick(text: string): Promise<void> {
    await this.attempt(`to pick "${text}"`, () => clickQuickPickRow(this.page, text, 10_000))
  }

  /** Types into the quick pick or input box, in place of what it holds. */
  async type(text: string): Promise<void> {
    await this.attempt(`to type "${text}" into a quick pick or input box`, () =>
      this.page.locator(quickInputBox).fill(text),
    )
  }

  /** Presses a key or a chord, e.g. `Enter`, `Control+A`. */
  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key)
  }

  /** The status bar item `<publisher>.<extension>.<id>`, once it is there and as `until` wants it. */
  async statusItem(id: string, until: (item: StatusItemState) => boolean = () => true): Promise<StatusItem> {
    const state = await this.see(`the status item ${id} in the state looked for`, ({ statusItems }) =>
      statusItems.find((item) => item.id === id && until(item)),
    )
    const click = (): Promise<void> => this.page.locator(`[id="${id}"] a`).first().click()
    return { ...state, click: () => this.attempt(`to click the status item ${id}`, click) }
  }

  /** The notifications in the corner now, newest first. */
  async toasts(): Promise<readonly Toast[]> {
    return (await look(this.page)).toasts
  }

  /** The notification whose message holds the text, once it is there. */
  async toast(text: string): Promise<Toast> {
    return await this.see(`a toast that says "${text}"`, ({ toasts }) =>
      toasts.find((toast) => toast.message.includes(text)),
    )
  }

  /** Clicks a button of a notification: of the newest one that has such a button. */
  async clickToastButton(label: string): Promise<void> {
    await this.attempt(`to click "${label}" in a toast`, async () => {
      const buttons = this.page.locator('.notifications-toasts .notification-list-item .monaco-button')
      await buttons.getByText(label, { exact: true }).first().click()
    })
  }

  /** The modal dialog, once there is one. */
  async modal(): Promise<Modal> {
    const dialog = await this.see('a modal dialog', ({ modal }) => modal)
    const click = async (label: string): Promise<void> => {
      // This very one: the next dialog may be there at once.
      const box = await this.page.locator('.monaco-dialog-box').elementHandle()
      const buttons = this.page.locator('.monaco-dialog-box .dialog-buttons .monaco-button')
      await buttons.getByText(label, { exact: true }).click()
      await box.waitForElementState('hidden')
    }
    return {
      ...dialog,
      click: (label) => this.attempt(`to click "${label}" in the dialog`, () => click(label)),
    }
  }

  /** The whole text of an output channel; opens it. */
  async outputText(channelName: string): Promise<string> {
    await this.runCommand('Output: Show Output Channels...')
    await this.pick(channelName)
    return await this.attempt(`to read the output channel "${channelName}"`, async () => {
      const editor = this.page.locator('.part.panel .monaco-editor').first()
      await editor.locator('.view-line').first().waitFor()
      // The panel draws only the lines in sight, so the text is copied, and the clipboard put back.
      const before = await this.readClipboard()
      await this.writeClipboard('')
      const text = await eventually('text in the output channel', async () => {
        // At its left edge, which notifications do not cover.
        await editor.click({ position: { x: 40, y: 8 } })
        await this.page.keyboard.press('Control+A')
        await this.page.keyboard.press('Control+C')
        const copied = await this.readClipboard()
        return copied.trim() === '' ? undefined : copied
      })
      await this.writeClipboard(before)
      await this.page.keyboard.press('Control+End')
      return text
    })
  }

  /** The contents of the active webview: an editor, or a view in a side bar or the panel. */
  webview(): FrameLocator {
    return this.page.locator('iframe.webview.ready').last().contentFrame().frameLocator('iframe#active-frame')
  }

  async readClipboard(): Promise<string> {
    return await this.page.evaluate<string>('navigator.clipboard.readText()')
  }

  async writeClipboard(text: string): Promise<void> {
    await this.page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
  }

  private async openPalette(): Promise<void> {
    await eventually('the Command Palette after F1', async () => {
      await this.page.keyboard.press('F1')
      const shown = await look(this.page)
      return shown.quickInput?.value.startsWith('>') === true ? true : undefined
    })
  }
}
