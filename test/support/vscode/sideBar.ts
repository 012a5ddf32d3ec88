import type { Locator } from 'playwright-core'
import type { TreeRow } from './look'
import type { Window } from './window'

/** The side bar of a window: a container of the activity bar with its views, each named by its title. */
export class SideBar {
  constructor(private readonly window: Window) {}

  /** Shows a container by its title in the activity bar, as a click on its icon does. */
  async open(title: string): Promise<void> {
    const icon = this.window.page.locator(`.part.activitybar .action-item a[aria-label^="${title}"]`)
    await icon.first().click()
    await this.window.page.locator('.part.sidebar .composite.title', { hasText: title }).waitFor()
  }

  /** All rows in sight, once `until` is content with them. */
  async rows(view: string, until: (rows: readonly TreeRow[]) => boolean): Promise<readonly TreeRow[]> {
    return this.window.see(`the view ${view} with the rows looked for`, ({ views }) => {
      const rows = views.find(({ title }) => title === view)?.rows ?? []
      return until(rows) ? rows : undefined
    })
  }

  /** The row with this label, once it is there and as `until` wants it. */
  async row(view: string, label: string, until: (row: TreeRow) => boolean = () => true): Promise<TreeRow> {
    return this.window.see(`"${label}" in the view ${view} as looked for`, ({ views }) =>
      views.find(({ title }) => title === view)?.rows.find((row) => row.label === label && until(row)),
    )
  }

  /** What stands in a view that has no rows. */
  async welcome(view: string): Promise<string> {
    return this.window.see(`what the view ${view} says without rows`, ({ views }) => {
      const welcome = views.find(({ title }) => title === view)?.welcome
      return welcome === '' ? undefined : welcome
    })
  }

  /** Folds or unfolds a row, or does what else a click on it does. */
  async click(view: string, label: string): Promise<void> {
    await this.place(view, label).locator('.label-name').click()
  }

  /** The titles of the buttons at the end of a row. */
  async buttons(view: string, label: string): Promise<readonly string[]> {
    const row = this.place(view, label)
    await row.hover()
    const buttons = await row.locator('.actions .action-label').all()
    return Promise.all(buttons.map(async (button) => (await button.getAttribute('aria-label')) ?? ''))
  }

  async clickButton(view: string, label: string, title: string): Promise<void> {
    const row = this.place(view, label)
    await row.hover()
    await row.locator(`.actions .action-label[aria-label="${title}"]`).click()
  }

  private place(view: string, label: string): Locator {
    const { page } = this.window
    const pane = page.locator('.part.sidebar .pane').filter({
      has: page.locator('.pane-header').getByText(view, { exact: true }),
    })
    const name = page.locator('.label-name').getByText(label, { exact: true })
    return pane.locator('.monaco-list-row').filter({ has: name })
  }
}
