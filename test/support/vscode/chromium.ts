import { chromium, type BrowserContext } from 'playwright-core'
import type { Scope } from '../scope'
import { findTool } from '../tools'
import { forgetProcess, watchProcess } from '../watchdog'

/**
 * Starts a headless Chromium of 1280x800 with a fresh profile that reaches this machine only: 127.0.0.1, localhost,
 * *.localhost, and where `hostRules` lead (`MAP *.example.com 127.0.0.2`). The environment variable CHROMIUM names another executable. The scope ends it and removes its
 * profile, and so does the watchdog when this process dies.
 * @throws Error that says how to install it, when there is none.
 */
export async function launchChromium(
  scope: Scope,
  options: { readonly hostRules?: readonly string[] } = {},
): Promise<BrowserContext> {
  const named = process.env['CHROMIUM']
  const executablePath = named === undefined || named === '' ? findTool('chromium') : named
  const context = await chromium.launchPersistentContext(scope.tempDir('xc'), {
    executablePath,
    headless: true,
    args: [...flags, `--host-resolver-rules=${[...(options.hostRules ?? []), thisMachineOnly].join(' , ')}`],
    viewport: { width: 1280, height: 800 },
    artifactsDir: scope.tempDir('xa'),
    // Playwright's handlers would keep this process alive after SIGTERM.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
  const pid = await processIdOf(context)
  watchProcess(pid)
  scope.add(async () => {
    await context.close()
    forgetProcess(pid)
  })
  return context
}

/** Chromium ends by itself when this process is gone, but until then it writes into its profile. */
async function processIdOf(context: BrowserContext): Promise<number> {
  const browser = context.browser()
  if (browser === null) throw new Error('Chromium was started without a browser object')
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  const main = processInfo.find((one) => one.type === 'browser')
  if (main === undefined) throw new Error('Chromium does not tell its process id')
  return main.id
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
]

const thisMachineOnly = 'MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost , EXCLUDE *.localhost'
