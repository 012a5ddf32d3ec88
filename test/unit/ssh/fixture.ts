import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publicKeyFromBlob, type PublicKey } from '../../../src/ssh/publicKey'

/** A file of test/fixtures. */
export function fixture(path: string): string {
  return readFileSync(join(__dirname, '../../fixtures', path), 'utf8')
}

/** The public key of test/fixtures/known_hosts/keys.pub with this comment. */
export function publicKey(name: string): PublicKey {
  const [, base64 = ''] = publicKeyLine(name).split(' ')
  const key = publicKeyFromBlob(Buffer.from(base64, 'base64'))
  if (key === undefined) throw new Error(`${name} is not a key`)
  return key
}

/** Its type and its base64, as a line of known_hosts ends. */
export function publicKeyLine(name: string): string {
  const line = fixture('known_hosts/keys.pub')
    .split('\n')
    .find((each) => each.endsWith(` ${name}`))
  if (line === undefined) throw new Error(`no key is called ${name}`)
  return line.slice(0, -name.length - 1)
}
