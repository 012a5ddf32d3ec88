import { request } from 'node:http'
import type { Transport } from '../../ssh/transport'

/**
 * Asks an HTTP address that the service answers through the connection (direct-tcpip) for its list of URLs. Undefined
 * while it has none to tell.
 */
export async function askUrls(
  transport: Transport,
  at: { readonly host: string; readonly port: number; readonly path: string },
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const channel = await transport.openDirect(at.host, at.port)
  channel.on('error', () => undefined)
  try {
    return readUrls(await getText(() => channel, at, signal))
  } finally {
    channel.destroy()
  }
}

function getText(
  createConnection: () => Awaited<ReturnType<Transport['openDirect']>>,
  { host, port, path }: { readonly host: string; readonly port: number; readonly path: string },
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: `${host}:${port}`, accept: 'application/json', connection: 'close' }
    const asked = request({ createConnection, path, headers, signal }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > longestAnswer) asked.destroy(new Error('the answer is too long'))
      })
      response.once('end', () => resolve(response.statusCode === 200 ? text : ''))
      response.once('error', reject)
    })
    asked.once('error', reject)
    asked.end()
  })
}

/** `{"urls": ["http://…", "https://…"]}`; undefined for anything else. */
export function readUrls(text: string): readonly string[] | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer !== 'object' || answer === null || !('urls' in answer)) return undefined
    const { urls } = answer
    if (!Array.isArray(urls)) return undefined
    const texts = urls.filter((url): url is string => typeof url === 'string')
    return texts.length === 0 ? undefined : texts
  } catch {
    return undefined
  }
}

const longestAnswer = 64 * 1024
