import type { Page } from 'playwright-core'
import { eventually } from './eventually'
import { look, type IndexedRow, type QuickPickRow } from './look'

export const quickInputBox = '.quick-input-widget input.input'

/** Every row, also those the list shows only after scrolling; leaves the list at its top. */
export async function allQuickPickRows(page: Page): Promise<QuickPickRow[]> {
  const rows = new Map<number, QuickPickRow>()
  await scrollThrough(page, ({ index, ...row }) => {
    rows.set(index, row)
    return false
  })
  return [...rows].sort(([a], [b]) => a - b).map(([, row]) => row)
}

/** Clicks the row with this label, or the first whose label, description or detail holds the text. */
export async function clickQuickPickRow(page: Page, text: string, timeoutMs: number): Promise<void> {
  const row = await eventually(`a quick pick row "${text}"`, async () => await findRow(page, text), timeoutMs)
  const place = `.quick-input-list .monaco-list-row[data-index="${row.index}"] .quick-input-list-rows`
  await page.locator(place).click()
}

async function findRow(page: Page, text: string): Promise<IndexedRow | undefined> {
  const exact = await scrollThrough(page, (row) => row.label === text)
  return exact ?? (await scrollThrough(page, (row) => holds(row, text)))
}

function holds(row: QuickPickRow, text: string): boolean {
  return [row.label, row.description, row.detail].some((part) => part.includes(text))
}

/** The list holds only the rows in sight, so whoever wants them all has to scroll, as a person does. */
async function scrollThrough(
  page: Page,
  stopAt: (row: IndexedRow) => boolean,
): Promise<IndexedRow | undefined> {
  for (let seenUpTo = -1; ;) {
    const { inSight, total } = (await look(page)).quickPickRows
    const found = inSight.find(stopAt)
    if (found !== undefined) return found
    const last = inSight.at(-1)?.index ?? -1
    if (last + 1 >= total || last <= seenUpTo) {
      if (seenUpTo >= 0) await wheel(page, -100_000)
      return undefined
    }
    seenUpTo = last
    await wheel(page, 150)
  }
}

async function wheel(page: Page, deltaY: number): Promise<void> {
  const box = await page.locator('.quick-input-list .monaco-list').boundingBox()
  if (box === null) return
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.wheel(0, deltaY)
  // The list draws its rows in the next frames.
  await page.waitForTimeout(100)
}
