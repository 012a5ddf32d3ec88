import { parseHostPort } from '../ssh/destination'

/** What a person chose to expose: `localhost` and a port, or a host this machine can reach. */
export interface LocalTarget {
  readonly host: string
  readonly port: number
}

/** Reads `3000`, `localhost:3000`, `192.168.1.5:8080`, `[::1]:3000` and `http://localhost:3000/`. */
export function parseLocalTarget(text: string): LocalTarget | undefined {
  const address = text
    .trim()
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/[/?#].*$/, '')
    .toLowerCase()
  if (/^:?\d{1,5}$/.test(address)) {
    const port = Number(address.replace(':', ''))
    return port >= 1 && port <= 65535 ? { host: 'localhost', port } : undefined
  }
  const hostPort = parseHostPort(address)
  if (hostPort?.port === undefined || /[\s@]/.test(hostPort.host)) return undefined
  return { host: hostPort.host, port: hostPort.port }
}

/** `3000` for this machine, `host:3000` otherwise. */
export function formatLocalTarget({ host, port }: LocalTarget): string {
  return host === 'localhost' ? String(port) : `${host.includes(':') ? `[${host}]` : host}:${port}`
}
