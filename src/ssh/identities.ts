import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { BaseAgent, ParsedKey } from 'ssh2'
import type { Clock } from '../base/clock'
import { Cancelled } from '../base/failure'
import type { Log } from '../base/log'
import { Agent, type AgentKey } from './agent'
import { inspectKeyFile, onlyPublic, readKeyFile, UnusableKey, unusableType, type KeyFile } from './keyFile'
import { parseKey, parsePrivateKey } from './privateKey'
import type { SshPrompts } from './prompts'
import { fingerprint, keyTypeOf } from './publicKey'
import type { SshSettings } from './settings'
import { loadSsh2, type Ssh2 } from './ssh2Library'

/**
 * One key to log in with. Its private half is read, decrypted or used by an agent only when the server wants it.
 * Both functions throw UnusableKey when it cannot be used, and Cancelled when a person closed a question.
 */
export interface Identity {
  /** For messages: the file's path, or the agent's comment. */
  readonly label: string
  publicKey(): Promise<ParsedKey>
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>
}

/** What a person typed for a connection, kept in memory so that it heals without asking again. */
export class TypedSecrets {
  /** By `user@host:port`: a jump host has its own. */
  readonly passwords = new Map<string, string>()
  readonly passphrases = new Map<string, string>()
}

interface IdentityOptions {
  readonly settings: SshSettings
  readonly prompts: SshPrompts
  readonly secrets: TypedSecrets
  readonly clock: Clock
  readonly log: Log
  /** Ends what waits for an agent. */
  readonly signal: AbortSignal
  /** Runs what a person may be part of; the caller stops its clocks meanwhile. */
  readonly asking: <T>(ask: () => Promise<T>) => Promise<T>
}

/**
 * Collects the identities in OpenSSH's order (pubkey_prepare in sshconnect2.c): agent keys that the configuration
 * names, the agent's other keys unless IdentitiesOnly, then key files the agent does not hold. What cannot be used
 * is among them, so that a failure can name it.
 */
export async function gatherIdentities(options: IdentityOptions): Promise<readonly Identity[]> {
  const { settings } = options
  const ssh2 = await loadSsh2()
  if (settings.fixedIdentity !== undefined) return [fixedIdentity(ssh2, settings.fixedIdentity)]
  const inAgent = await listAgent(ssh2, options)
  const inFiles: Candidate[] = []
  for (const path of settings.identityFiles) inFiles.push(...(await readCandidates(ssh2, path, options)))
  const isIn = (candidates: readonly Candidate[], { blob }: Candidate) =>
    blob !== undefined && candidates.some((other) => other.blob?.equals(blob) === true)
  const named = inAgent.filter((key) => isIn(inFiles, key))
  const others = settings.identitiesOnly ? [] : inAgent.filter((key) => !named.includes(key))
  const notInAgent = inFiles.filter((key) => !isIn(inAgent, key))
  return [...named, ...others, ...notInAgent].map(({ identity }) => identity)
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
      identity
        .sign(data, hash)
        .then(
          (signature) => done?.(null, signature),
          (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error))),
        )
        // ssh2 throws when the connection has ended meanwhile, and says so by its own events.
        .catch(() => undefined)
    }
  }
  return new OneKeyAgent()
}

type SignCallback = (error?: Error | null, signature?: Buffer) => void

/** An identity with its public half, where that is known without a question. */
interface Candidate {
  readonly identity: Identity
  readonly blob: Buffer | undefined
}

async function listAgent(ssh2: Ssh2, options: IdentityOptions): Promise<readonly Candidate[]> {
  const { settings, clock, signal, asking } = options
  const path = settings.identityAgent
  if (path === undefined) return []
  const agent = new Agent({ ssh2, path, clock, signal })
  let keys: readonly AgentKey[]
  try {
    // One that hangs must not use up the server's time.
    keys = await asking(() => agent.keys())
  } catch (error) {
    if (signal.aborted) throw error
    const why = new UnusableKey(error instanceof Error ? error.message : String(error))
    return [{ identity: unusableIdentity(`the agent ${path}`, why), blob: undefined }]
  }
  return keys.map(({ blob, comment }) => {
    const type = keyTypeOf(blob) ?? 'an unknown key'
    const label = `${comment || type} (agent)`
    const why = unusableType(type)
    if (why !== undefined) return { identity: unusableIdentity(label, why), blob }
    const sign = (data: Buffer, hash: string | undefined) => asking(() => agent.sign(blob, data, hash))
    return { identity: { label, publicKey: () => publicKeyOf(ssh2, blob), sign }, blob }
  })
}

/** What stands at a path of IdentityFile: a key, and the certificate that OpenSSH would look for beside it. */
async function readCandidates(ssh2: Ssh2, path: string, options: IdentityOptions): Promise<Candidate[]> {
  const { log } = options
  const file = (await readKeyFile(path, log)) ?? (await readKeyFile(`${path}.pub`, log))
  if (file === undefined) {
    log.debug(`${path} does not exist`)
    return []
  }
  const certificate = `${path}-cert.pub`
  const isCertified = await stat(certificate).then(
    () => true,
    () => false,
  )
  const why = unusableType('-cert-v01@openssh.com')
  return [
    ...(isCertified && why !== undefined
      ? [{ identity: unusableIdentity(certificate, why), blob: undefined }]
      : []),
    await fileCandidate(ssh2, path, file, options),
  ]
}

async function fileCandidate(
  ssh2: Ssh2,
  path: string,
  file: KeyFile,
  options: IdentityOptions,
): Promise<Candidate> {
  switch (file.kind) {
    case 'unusable':
      return { identity: unusableIdentity(path, file.why), blob: file.blob }
    case 'public':
      return { identity: unusableIdentity(path, onlyPublic(path)), blob: file.blob }
    case 'private': {
      const blob = file.blob ?? (await publicHalfBeside(path))
      let key: Promise<ParsedKey> | undefined
      const load = () => (key ??= decrypt(ssh2, path, { ...file, blob }, options))
      const identity: Identity = {
        label: path,
        publicKey: () => (blob === undefined ? load() : publicKeyOf(ssh2, blob)),
        sign: async (data, hash) => {
          const privateKey = await load()
          if (blob !== undefined && !privateKey.getPublicSSH().equals(blob)) {
            throw new UnusableKey(`${path}.pub belongs to another key`, `Remove or correct ${path}.pub.`)
          }
          return signWith(privateKey, data, hash)
        },
      }
      return { identity, blob }
    }
  }
}

async function publicHalfBeside(path: string): Promise<Buffer | undefined> {
  const text = await readFile(`${path}.pub`, 'utf8').catch(() => '')
  const file = inspectKeyFile(text, path)
  return file.kind === 'public' ? file.blob : undefined
}

function fixedIdentity(ssh2: Ssh2, privateKey: string): Identity {
  const key = parsePrivateKey(ssh2, privateKey)
  return {
    label: 'the key made for it',
    publicKey: () => (key instanceof Error ? Promise.reject(key) : Promise.resolve(key)),
    sign: (data, hash) => (key instanceof Error ? Promise.reject(key) : signWith(key, data, hash)),
  }
}

function unusableIdentity(label: string, why: UnusableKey): Identity {
  return { label, publicKey: () => Promise.reject(why), sign: () => Promise.reject(why) }
}

function publicKeyOf(ssh2: Ssh2, blob: Buffer): Promise<ParsedKey> {
  const key = parseKey(ssh2, blob)
  if (!(key instanceof Error)) return Promise.resolve(key)
  return Promise.reject(new UnusableKey(`${keyTypeOf(blob) ?? 'its type'} is not known here`))
}

function signWith(key: ParsedKey, data: Buffer, hash: string | undefined): Promise<Buffer> {
  const signature = key.sign(data, hash)
  return signature instanceof Error ? Promise.reject(signature) : Promise.resolve(signature)
}

const passphraseTries = 3

async function decrypt(
  ssh2: Ssh2,
  path: string,
  { content, encrypted, blob }: Pick<KeyFile & { kind: 'private' }, 'content' | 'encrypted' | 'blob'>,
  { prompts, secrets }: IdentityOptions,
): Promise<ParsedKey> {
  if (!encrypted) {
    const key = parsePrivateKey(ssh2, content)
    if (key instanceof Error) throw unreadable(path, key)
    return key
  }
  const remembered = secrets.passphrases.get(path)
  if (remembered !== undefined) {
    const key = parsePrivateKey(ssh2, content, remembered)
    if (!(key instanceof Error)) return key
  }
  // Without a public half the file itself tells one key from another.
  const question = {
    keyFile: path,
    fingerprint:
      blob === undefined
        ? createHash('sha256').update(content).digest('base64')
        : fingerprint({ type: keyTypeOf(blob) ?? '', blob }),
  }
  let wrong = new Error()
  for (let tries = 0; tries < passphraseTries; tries++) {
    const passphrase = await prompts.passphrase({ ...question, again: tries > 0 })
    if (passphrase === undefined) throw new Cancelled()
    // As with ssh, an empty answer passes this key over.
    if (passphrase === '') throw new UnusableKey('no passphrase was given')
    const key = parsePrivateKey(ssh2, content, passphrase)
    if (!(key instanceof Error)) {
      secrets.passphrases.set(path, passphrase)
      prompts.passphraseProved(question)
      return key
    }
    wrong = key
  }
  throw new UnusableKey(`no passphrase fitted: ${wrong.message}`)
}

function unreadable(path: string, error: Error): UnusableKey {
  return new UnusableKey(
    `it cannot be read: ${error.message}`,
    `If ssh can use it, write it anew in a form that is read here: ssh-keygen -p -f "${path}"`,
  )
}
