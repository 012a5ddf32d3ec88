import { readFile } from 'node:fs/promises'
import type { BaseAgent, ParsedKey } from 'ssh2'
import type { Log } from '../base/log'
import type { SshPrompts } from './prompts'
import type { SshSettings } from './settings'
import { loadSsh2, type Ssh2 } from './ssh2Library'

/** One key to log in with. Its private half is read, decrypted or used by an agent only when the server wants it. */
export interface Identity {
  /** For messages: the file's path, or the agent's comment. */
  readonly label: string
  /** Undefined when the key cannot be used; the reason is in the log. */
  publicKey(): Promise<ParsedKey | undefined>
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>
}

/** What a person typed for a connection, kept in memory so that it heals without asking again. */
export class TypedSecrets {
  /** By `user@host:port`: a jump host has its own. */
  readonly passwords = new Map<string, string>()
  readonly passphrases = new Map<string, string>()
}

/**
 * Collects the identities in OpenSSH's order (pubkey_prepare in sshconnect2.c): agent keys that the configuration
 * names, the agent's other keys unless IdentitiesOnly, then key files the agent does not hold.
 */
export async function gatherIdentities(options: {
  settings: SshSettings
  prompts: SshPrompts
  secrets: TypedSecrets
  log: Log
}): Promise<readonly Identity[]> {
  const { settings, log } = options
  const ssh2 = await loadSsh2()
  if (settings.fixedIdentity !== undefined) return [fixedIdentity(ssh2, settings.fixedIdentity)]
  const agentKeys = await listAgent(ssh2, settings.identityAgent, log)
  const files: { path: string; blob: Buffer | undefined }[] = []
  for (const path of settings.identityFiles) {
    const exists = await readFile(path).then(
      () => true,
      () => false,
    )
    if (exists) files.push({ path, blob: (await readPublicFile(ssh2, path))?.getPublicSSH() })
  }
  const holds = (identity: AgentIdentity, blob: Buffer | undefined) => blob?.equals(identity.blob) === true
  const named = agentKeys.filter((key) => files.some((file) => holds(key, file.blob)))
  const others = settings.identitiesOnly ? [] : agentKeys.filter((key) => !named.includes(key))
  const notInAgent = files.filter((file) => !agentKeys.some((key) => holds(key, file.blob)))
  return [...named, ...others, ...notInAgent.map((file) => fileIdentity(ssh2, file.path, options))]
}

/** Wraps one identity as the agent object ssh2 asks for keys and signatures. */
export function agentOf(ssh2: Ssh2, identity: Identity, publicKey: ParsedKey): BaseAgent {
  class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
    override getIdentities(callback: (error?: Error | null, keys?: ParsedKey[]) => void): void {
      callback(null, [publicKey])
    }
    override sign(
      _key: ParsedKey,
      data: Buffer,
      options: { hash?: string } | SignCallback,
      callback?: SignCallback,
    ): void {
      const done = typeof options === 'function' ? options : callback
      const hash = typeof options === 'function' ? undefined : options.hash
      identity.sign(data, hash).then(
        (signature) => done?.(null, signature),
        (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error))),
      )
    }
  }
  return new OneKeyAgent()
}

type SignCallback = (error?: Error | null, signature?: Buffer) => void

interface AgentIdentity extends Identity {
  readonly blob: Buffer
}

async function listAgent(ssh2: Ssh2, path: string | undefined, log: Log): Promise<readonly AgentIdentity[]> {
  if (path === undefined) return []
  const agent = ssh2.createAgent(path) as unknown as {
    getIdentities(callback: (error: Error | null | undefined, keys?: ParsedKey[]) => void): void
    sign(key: ParsedKey, data: Buffer, options: { hash?: string }, callback: SignCallback): void
  }
  const keys = await new Promise<readonly ParsedKey[]>((resolve) => {
    agent.getIdentities((error, found) => {
      if (error) log.debug(`agent ${path}: ${error.message}`)
      resolve(found ?? [])
    })
  })
  return keys.map((key) => ({
    label: `${key.comment || key.type} (agent)`,
    blob: key.getPublicSSH(),
    publicKey: () => Promise.resolve(key),
    sign: (data, hash) =>
      new Promise((resolve, reject) => {
        agent.sign(key, data, hash === undefined ? {} : { hash }, (error, signature) => {
          if (signature) resolve(signature)
          else reject(error ?? new Error('the agent refused to sign'))
        })
      }),
  }))
}

async function readPublicFile(ssh2: Ssh2, path: string): Promise<ParsedKey | undefined> {
  const text = await readFile(`${path}.pub`).catch(() => undefined)
  const key = text && parse(ssh2, text)
  return key instanceof Error ? undefined : key
}

function fileIdentity(
  ssh2: Ssh2,
  path: string,
  context: { prompts: SshPrompts; secrets: TypedSecrets; log: Log },
): Identity {
  let privateKey: Promise<ParsedKey | undefined> | undefined
  const load = () => (privateKey ??= readPrivateKey(ssh2, path, context))
  return {
    label: path,
    publicKey: async () => (await readPublicFile(ssh2, path)) ?? (await load()),
    sign: async (data, hash) => {
      const key = await load()
      if (key === undefined) throw new Error(`${path} cannot be used`)
      const signature = key.sign(data, hash)
      if (signature instanceof Error) throw signature
      return signature
    },
  }
}

function fixedIdentity(ssh2: Ssh2, privateKey: string): Identity {
  const key = parse(ssh2, privateKey)
  return {
    label: 'the key made for it',
    publicKey: () => Promise.resolve(key instanceof Error ? undefined : key),
    sign: (data, hash) => {
      const signature = key instanceof Error ? key : key.sign(data, hash)
      return signature instanceof Error ? Promise.reject(signature) : Promise.resolve(signature)
    },
  }
}

const passphraseTries = 3

async function readPrivateKey(
  ssh2: Ssh2,
  path: string,
  { prompts, secrets, log }: { prompts: SshPrompts; secrets: TypedSecrets; log: Log },
): Promise<ParsedKey | undefined> {
  const content = await readFile(path)
  const remembered = secrets.passphrases.get(path)
  let key = parse(ssh2, content, remembered)
  for (let tries = 0; key instanceof Error && isEncrypted(key) && tries < passphraseTries; tries++) {
    const passphrase = await prompts.passphrase({ keyFile: path, again: tries > 0 })
    if (passphrase === undefined) break
    key = parse(ssh2, content, passphrase)
    if (!(key instanceof Error)) secrets.passphrases.set(path, passphrase)
  }
  if (!(key instanceof Error)) return key
  log.warn(`${path}: ${key.message}`)
  return undefined
}

/** ssh2 has no error codes for this: its message is the only sign. */
function isEncrypted(error: Error): boolean {
  return /encrypted|passphrase|integrity|bad decrypt/i.test(error.message)
}

function parse(ssh2: Ssh2, content: Buffer | string, passphrase?: string): ParsedKey | Error {
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(content, passphrase)
  if (!Array.isArray(parsed)) return parsed
  return (parsed as ParsedKey[])[0] ?? new Error('holds no key')
}
