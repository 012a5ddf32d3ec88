import { Failure } from '../base/failure'
import { isLoopback } from '../servers/reach'

/** Where the APIs of the providers are. */
export interface ApiSettings {
  /** Without a version: `https://graph.facebook.com`. */
  readonly graphUrl: string
  /** `v25.0` */
  readonly graphVersion: string
  readonly telegramUrl: string
  readonly githubUrl: string
  /** What is asked for by X-GitHub-Api-Version. */
  readonly githubVersion: string
  /** In PEM: whom to trust besides the public authorities, as such an API of one's own does. */
  readonly ca?: string
}

/** The manifest's defaults are the same. */
export const usualApis: ApiSettings = {
  graphUrl: 'https://graph.facebook.com',
  graphVersion: 'v25.0',
  telegramUrl: 'https://api.telegram.org',
  githubUrl: 'https://api.github.com',
  githubVersion: '2022-11-28',
}

/** The URL of an API with a path. @throws Failure when tokens would travel in the clear. */
export function apiUrl(base: string, path: string): string {
  if (!isSafe(base)) {
    throw new Failure({
      kind: 'provider-url-not-https',
      hop: 'settings',
      message: `The API address ${base} is not an https: address. Nothing was sent to it.`,
      advice: 'Tokens go there: put an https: address into your settings.',
      remedies: [{ do: 'open settings' }],
      canHeal: false,
    })
  }
  return `${base.replace(/\/+$/, '')}${path}`
}

/** Whether the provider is the one of the internet, which reaches public addresses only. */
export function isPublicApi(base: string): boolean {
  return URL.canParse(base) && !isLoopback(new URL(base).hostname)
}

function isSafe(base: string): boolean {
  if (!URL.canParse(base)) return false
  const { protocol, hostname } = new URL(base)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}
