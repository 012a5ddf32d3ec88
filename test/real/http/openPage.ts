import assert from 'node:assert/strict'
import type { BrowserContext, Page } from 'playwright-core'
import type { Scope } from '../../support/scope'

/** A page of a public URL in a real browser; the scope closes it. */
export async function openPage(scope: Scope, browser: BrowserContext, url: string): Promise<Page> {
  const page = await browser.newPage()
  scope.add(() => page.close())
  const session = await browser.newCDPSession(page)
  // Whom to trust is proven elsewhere.
  await session.send('Security.setIgnoreCertificateErrors', { ignore: true })
  const answer = await page.goto(url)
  assert.equal(answer?.status(), 200, await page.content())
  return page
}
