import { readFileSync } from 'node:fs'
import { workspace, type Uri } from 'vscode'
import { Failure } from '../base/failure'
import { readCaptureLimits } from '../http/captureLimits'
import type { CaptureLimits } from '../http/exchanges'
import { readPortWishes, type PortProblem, type PortWishes } from '../servers/portWishes'
import { readServers, type Servers } from '../servers/validation'
import { expandHome } from '../ssh/sshConfig'
import { usualApis, type ApiSettings } from '../webhooks/apiSettings'

/** Where certificates come from. */
export interface AcmeSettings {
  /** Of the authority (RFC 8555 7.1.1). */
  readonly directoryUrl: string
  /** A PEM file of whom to trust besides the public authorities when talking to that one. */
  readonly caFile?: string
  /** An email address. */
  readonly contact?: string
}

/** The extension's settings, read anew each time, as `unknown` until a validator has seen them. */
export const settings = {
  /** Only what stands in the user's own settings: a workspace never chooses where traffic goes. */
  servers(): Servers {
    return readServers(userValue('servers'))
  },
  defaultServer(): string | undefined {
    return userText('defaultServer')
  },
  copyUrl(): boolean {
    return workspace.getConfiguration('exposePort').get('copyUrl') !== false
  },
  /** What the workspace says counts too: a name is shown before anything is exposed, and leads to nobody else. */
  ports(folder?: Uri): { wishes: PortWishes; problems: readonly PortProblem[] } {
    return readPortWishes(workspace.getConfiguration('exposePort', folder).get('ports'))
  },
  /** How much is kept of what visitors ask. It leads nowhere, so a workspace may say it too. */
  capture(): CaptureLimits {
    const configuration = workspace.getConfiguration('exposePort.capture')
    return readCaptureLimits((name) => configuration.get(name))
  },
  /** The user's own, as with servers: the authority learns names, and its CA file decides whom to trust. */
  acme(): AcmeSettings {
    const caFile = userText('acme.caFile')
    const contact = userText('acme.contact')
    return {
      directoryUrl: userText('acme.directory') ?? letsEncrypt,
      ...(caFile === undefined ? {} : { caFile: expandHome(caFile) }),
      ...(contact === undefined ? {} : { contact }),
    }
  },
  /** The user's own, as with servers: tokens go there. @throws Failure when the CA file cannot be read. */
  webhookApis(): ApiSettings {
    const caFile = userText('webhooks.caFile')
    const text = (name: string, usual: string) => userText(`webhooks.${name}`) ?? usual
    return {
      graphUrl: text('graphUrl', usualApis.graphUrl),
      graphVersion: text('graphVersion', usualApis.graphVersion),
      telegramUrl: text('telegramUrl', usualApis.telegramUrl),
      githubUrl: text('githubUrl', usualApis.githubUrl),
      githubVersion: text('githubVersion', usualApis.githubVersion),
      ...(caFile === undefined ? {} : { ca: readCa(expandHome(caFile)) }),
    }
  },
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure({
      kind: 'webhook-ca-file-unusable',
      hop: 'settings',
      message: `The file ${path} of "exposePort.webhooks.caFile" cannot be read.`,
      said: (error as Error).message,
      advice: 'It must be a PEM file that holds -----BEGIN CERTIFICATE-----.',
      remedies: [{ do: 'open settings' }],
      canHeal: false,
    })
  }
}

/** https://letsencrypt.org/docs/acme-protocol-updates; the manifest's default is the same. */
const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory'

function userValue(key: string): unknown {
  return workspace.getConfiguration('exposePort').inspect(key)?.globalValue
}

function userText(key: string): string | undefined {
  const value = userValue(key)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}
