import type { Hop } from '../base/failure'

/** What is being done at a hop on the way to a server, to follow a title. */
export function hopText(hop: Hop, server: string): string {
  switch (hop) {
    case 'settings':
      return 'reading the settings'
    case 'file':
      return 'reading the file'
    case 'local app':
      return 'looking at the local app'
    case 'DNS':
      return `looking up ${server}`
    case 'TCP':
      return `connecting to ${server}`
    case 'SSH handshake':
      return `SSH handshake with ${server}`
    case 'host key':
      return `checking the host key of ${server}`
    case 'authentication':
      return `logging in to ${server}`
    case 'remote forward':
      return `asking ${server} to listen`
    case 'connection':
      return `connecting to ${server}`
    case 'certificate':
      return 'getting a certificate'
    case 'public URL':
      return 'checking the public URL'
    case 'webhook provider':
      return 'talking to the webhook provider'
  }
}
