import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import type { Page } from 'playwright-core'

/** What a person sees in a VS Code window at one moment. Texts are without icons. */
export interface Sight {
  /** The open quick pick or input box. */
  readonly quickInput: QuickInput | undefined
  readonly quickPickRows: { readonly inSight: readonly IndexedRow[]; readonly total: number }
  readonly toasts: readonly Toast[]
  readonly modal: ModalDialog | undefined
  readonly statusItems: readonly StatusItemState[]
  /** Those of the side bar, from top to bottom. */
  readonly views: readonly ShownView[]
}

export interface ShownView {
  readonly title: string
  /** What stands there in place of rows. */
  readonly welcome: string
  /** Of a tree, those in sight. */
  readonly rows: readonly TreeRow[]
}

export interface TreeRow {
  readonly label: string
  readonly description: string
  /** Names of the icons, e.g. `globe`. */
  readonly icons: readonly string[]
  /** What a screen reader says. */
  readonly ariaLabel: string
  /** 1 for rows that stand below nothing. */
  readonly level: number
}

export interface QuickInput {
  readonly title: string
  readonly placeholder: string
  readonly value: string
  readonly isPassword: boolean
  /** The prompt, or what is wrong with the value. */
  readonly message: string
  readonly busy: boolean
}

export interface QuickPickRow {
  readonly label: string
  readonly description: string
  readonly detail: string
  /** The text of the separator above this row, if there is one. */
  readonly separator: string
  /** What a screen reader says. */
  readonly ariaLabel: string
  /** The labels of the buttons at the end of the row. */
  readonly buttons: readonly string[]
}

export interface IndexedRow extends QuickPickRow {
  readonly index: number
}

export interface Toast {
  readonly message: string
  readonly severity: 'info' | 'warning' | 'error' | 'unknown'
  readonly buttons: readonly string[]
}

export interface ModalDialog {
  readonly message: string
  readonly detail: string
  /** In the order in which they stand there. */
  readonly buttons: readonly string[]
  /** The button that Enter presses. */
  readonly focusedButton: string | undefined
}

export interface StatusItemState {
  /** `<publisher>.<extension>.<id of the item>`. */
  readonly id: string
  readonly text: string
  /** Names of the icons, e.g. `globe`, `sync~spin`. */
  readonly icons: readonly string[]
  /** "text, tooltip", or what `accessibilityInformation` says. */
  readonly ariaLabel: string
  readonly backgroundColor: 'none' | 'warning' | 'error'
}

/** Everything at once, so that a test never mixes two moments. */
export async function look(page: Page): Promise<Sight> {
  // As text: what tsx makes of a function here does not run in a page.
  return await page.evaluate<Sight>(script)
}

/** For failure messages. */
export async function describeSight(page: Page): Promise<string> {
  const sight = await look(page)
  const rows = sight.quickPickRows.inSight.map((row) => row.ariaLabel)
  const lines = [
    `  quick input: ${sight.quickInput === undefined ? 'none' : JSON.stringify(sight.quickInput)}`,
    ...(rows.length === 0 ? [] : [`  its rows: ${JSON.stringify(rows)} of ${sight.quickPickRows.total}`]),
    `  modal: ${sight.modal === undefined ? 'none' : JSON.stringify(sight.modal)}`,
    `  toasts: ${sight.toasts.length === 0 ? 'none' : JSON.stringify(sight.toasts)}`,
    `  status bar: ${JSON.stringify(Object.fromEntries(sight.statusItems.map((item) => [item.id, item.text])))}`,
    ...sight.views.map(({ title, welcome, rows }) => `  view ${title}: ${welcome} ${JSON.stringify(rows)}`),
  ]
  return `In the window there was:\n${lines.join('\n')}`
}

const script = readFileSync(path.join(__dirname, 'look.page.js'), 'utf8')
