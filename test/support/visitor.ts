import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BrowserContext } from 'playwright-core'
import { deterministicBytes, deterministicSha256, type Echo } from './apps'
import { openSse, openWebSocket, type VisitOptions } from './publicFetch'
import type { Scope } from './scope'
import { findTool } from './tools'

/** Somebody outside who calls a public URL of an echo app, with programs that know nothing of tunnels. */
export interface Outsider {
  readonly url: string
  readonly ca?: { readonly certPem: string; readonly certPath: string } | undefined
  /** Whether the way carries HTTP/2. */
  readonly h2: boolean
  /** Where its name leads; on loopback by itself unless given. */
  readonly address?: string
}

const large = 300 * 1024 * 1024

/** Runs curl; answers what it wrote to standard output, as text or through `onData`. */
export async function curl(
  { url, ca, address }: Pick<Outsider, 'url' | 'ca' | 'address'>,
  args: readonly string[],
  onData?: (chunk: Buffer) => void,
): Promise<string> {
  const trust = ca === undefined ? [] : ['--cacert', ca.certPath]
  const child = spawn(findTool('curl'), [
    ...['-sS', '--fail', '--max-time', '120', ...trust],
    ...(address === undefined ? [] : ['--connect-to', `::${address}:`]),
    ...args,
    url,
  ])
  const chunks: Buffer[] = []
  let complaint = ''
  child.stdout.on('data', (chunk: Buffer) => (onData === undefined ? chunks.push(chunk) : onData(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 0, `curl ${args.join(' ')} ${url}: ${complaint}`)
  return Buffer.concat(chunks).toString()
}

/** All that visitors do: requests, WebSocket, live events, 300 MB each way (`large` is a file of it), a browser. */
export async function checkAll(
  outsider: Outsider,
  { browser, large }: { readonly browser: BrowserContext; readonly large: string },
): Promise<void> {
  await checkRequests(outsider)
  await checkWebSocket(outsider)
  await checkEvents(outsider)
  await checkLargeBodies(outsider, large)
  await checkBrowser(browser, outsider)
}

/** Requests, by each version of HTTP the way carries: they arrive whole, and so do the answers. */
export async function checkRequests({ url, h2, ...rest }: Outsider): Promise<void> {
  for (const version of h2 ? ['--http2', '--http1.1'] : ['--http1.1']) {
    const at = { ...rest, url: `${url}/hello?x=1` }
    const echo = JSON.parse(await curl(at, [version, '-d', 'with a body'])) as Echo
    assert.deepEqual([echo.method, echo.url, echo.bytes], ['POST', '/hello?x=1', 11])
    const spoken = await curl(at, [version, '-o', '/dev/null', '-w', '%{http_version}'])
    assert.equal(spoken, version === '--http2' ? '2' : '1.1')
  }
}

/** The address the app is told of a visitor who comes from `address` of loopback. */
export async function addressSeenByApp(outsider: Outsider, address: string): Promise<string | undefined> {
  const echo = JSON.parse(await curl(outsider, ['--interface', address])) as Echo
  const forwardedFor = echo.headers['x-forwarded-for']
  return typeof forwardedFor === 'string' ? forwardedFor : undefined
}

async function checkWebSocket({ url, ca, address }: Outsider): Promise<void> {
  const webSocket = await openWebSocket(`${url}/ws`, optionsOf({ ca, address }))
  for (const message of ['over the tunnel', 'x'.repeat(200_000)]) {
    webSocket.send(message)
    assert.equal((await webSocket.next()).toString(), message)
  }
  await webSocket.close()
}

/** Events come one by one, not all at the end: the stream never ends by itself. */
async function checkEvents({ url, ca, address }: Outsider): Promise<void> {
  const events = await openSse(`${url}/sse`, optionsOf({ ca, address }))
  let count = 0
  for await (const event of events) if (event.data === 'event 3' || ++count > 3) break
  assert.equal(count, 2)
  events.close()
}

/** 300 MB each way; `file` is what `makeLargeFile` made. */
export async function checkLargeBodies({ url, h2, ...rest }: Outsider, file: string): Promise<void> {
  const sha256 = largeSha256()
  const version = h2 ? '--http2' : '--http1.1'
  const up = await curl({ ...rest, url: `${url}/sink` }, [version, '-H', 'Expect:', '-T', file, '-X', 'POST'])
  assert.deepEqual(JSON.parse(up), { bytes: large, sha256 })
  const hash = createHash('sha256')
  await curl({ ...rest, url: `${url}/bytes?n=${large}` }, [version], (chunk) => hash.update(chunk))
  assert.equal(hash.digest('hex'), sha256)
}

/** A real browser on a page of the app: fetch, WebSocket and EventSource from there. */
async function checkBrowser(browser: BrowserContext, { url }: Outsider): Promise<void> {
  const page = await browser.newPage()
  try {
    const session = await browser.newCDPSession(page)
    // Trust is proven by curl; here the test's own authority need not be installed.
    await session.send('Security.setIgnoreCertificateErrors', { ignore: true })
    const answer = await page.goto(`${url}/page`)
    assert.equal(answer?.status(), 200)
    assert.equal(((await answer.json()) as Echo).url, '/page')
    const seen = await page.evaluate(fromThePage, url)
    assert.deepEqual(seen, { posted: 9, echoed: 'over the browser', event: 'event 1' })
  } finally {
    await page.close()
  }
}

function optionsOf({ ca, address }: Pick<Outsider, 'ca'> & { address: string | undefined }): VisitOptions {
  return { ...(ca === undefined ? {} : { ca }), ...(address === undefined ? {} : { address }) }
}

/** Runs in the browser. */
async function fromThePage(url: string): Promise<unknown> {
  const posted = (await (await fetch('/post', { method: 'POST', body: 'some body' })).json()) as {
    bytes: number
  }
  const echoed = await new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
    socket.onopen = () => socket.send('over the browser')
    socket.onerror = reject
    socket.onmessage = (message) => {
      resolve(message.data)
      socket.close()
    }
  })
  const event = await new Promise((resolve, reject) => {
    const source = new EventSource('/sse')
    source.onerror = reject
    source.onmessage = (message) => {
      resolve(message.data)
      source.close()
    }
  })
  return { posted: posted.bytes, echoed, event }
}

/** 300 MB for `checkLargeBodies`. */
export async function makeLargeFile(scope: Scope): Promise<string> {
  const file = join(scope.tempDir('large'), 'large')
  await pipeline(deterministicBytes(large), createWriteStream(file))
  return file
}

let sha256: string | undefined
const largeSha256 = (): string => (sha256 ??= deterministicSha256(large))
