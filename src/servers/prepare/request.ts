import { fingerprint, publicKeyFromBlob } from '../../ssh/publicKey'
import { isBaseDomain } from '../gateway'

/** What a gateway shall be like. */
export interface GatewayRequest {
  /** Tunnels become `https://NAME.DOMAIN`. */
  readonly domain: string
  /** Who may open tunnels: lines of a `.pub` file. At least one, unless the server is prepared already. */
  readonly publicKeys: readonly string[]
  /** Where the certificate authority may write to. */
  readonly email?: string
  /** The directory URL of another certificate authority than Caddy's own choice. */
  readonly acmeDirectory?: string
  /** A PEM file on the server: the root that this authority's own HTTPS is signed with. */
  readonly acmeCa?: string
}

export interface GatewayKey {
  /** Type, blob and comment, in one line of printable ASCII. */
  readonly line: string
  readonly type: string
  /** `SHA256:…`, as ssh-keygen -l prints it. */
  readonly fingerprint: string
  readonly comment: string
}

/** In lower case; undefined when it is no domain such as `dev.example.com`. */
export function readDomain(text: string): string | undefined {
  const domain = text.trim().toLowerCase().replace(/^\*\./, '').replace(/\.$/, '')
  return isBaseDomain(domain) ? domain : undefined
}

/** Reads a line of a `.pub` file; undefined when it holds anything else, such as options or a private key. */
export function readGatewayKey(text: string): GatewayKey | undefined {
  const line = text.trim()
  if (/[\r\n]/.test(line)) return undefined
  const [, type = '', base64 = '', comment = ''] =
    /^(\S+) +([A-Za-z0-9+/]+={0,2})(?: +(.*))?$/.exec(line) ?? []
  const key = publicKeyFromBlob(Buffer.from(base64, 'base64'))
  if (key?.type !== type || !keyTypes.includes(type)) return undefined
  // The script drops these too; a comment is not worth a refusal.
  const printable = comment.replace(/[^ -~]/g, '')
  return {
    line: `${type} ${base64}${printable === '' ? '' : ` ${printable}`}`,
    type,
    fingerprint: fingerprint(key),
    comment: printable,
  }
}

const keyTypes = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]

/**
 * The arguments of the script that make a gateway like this.
 * @throws RangeError for what `readDomain` or `readGatewayKey` refuses: whoever asked the user did not look.
 */
export function installArguments(request: GatewayRequest): string[] {
  const domain = readDomain(request.domain)
  if (domain === undefined) throw new RangeError(`${request.domain} is not a domain`)
  return [
    ...['--domain', domain],
    ...keyArguments(request.publicKeys),
    ...option('--email', request.email),
    ...option('--acme-directory', request.acmeDirectory),
    ...option('--acme-ca', request.acmeCa),
  ]
}

/** @throws RangeError for what `readGatewayKey` refuses. */
export function keyArguments(publicKeys: readonly string[]): string[] {
  return publicKeys.flatMap((text) => {
    const key = readGatewayKey(text)
    if (key === undefined) throw new RangeError('this is not a public key')
    return ['--key', key.line]
  })
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value]
}
