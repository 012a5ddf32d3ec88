import { chromium, type BrowserContext } from 'playwright-core'
import type { Scope } from '../scope'
import { findTool } from '../tools'

/**
 * Starts a headless Chromium of 1280x800 with a fresh profile that reaches this machine only: 127.0.0.1, localhost,
 * *.localhost. The environment variable CHROMIUM names another executable. The scope ends it and removes its
 * profile; when this process dies, so does Chromium, because it is steered over a pipe.
 * @throws Error that says how to install it, when there is none.
 */
export async function launchChromium(scope: Scope): Promise<BrowserContext> {
  const named = process.env['CHROMIUM']
  const executablePath = named === undefined || named === '' ? findTool('chromium') : named
  const context = await chromium.launchPersistentContext(scope.tempDir('xc'), {
    executablePath,
    headless: true,
    args: flags,
    viewport: { width: 1280, height: 800 },
    artifactsDir: scope.tempDir('xa'),
    // Playwright's handlers would keep this process alive after SIGTERM.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
  scope.add(() => context.close())
  return context
}

const flags = [
  // Chromium's own sandbox cannot start as root, which is what containers run as.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--no-proxy-server',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost , EXCLUDE *.localhost',
]
