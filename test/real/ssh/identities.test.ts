import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { Server as SshServer, type AuthContext, type Prompt } from 'ssh2'
import { systemClock } from '../../../src/base/clock'
import { Cancelled, Failure } from '../../../src/base/failure'
import { Redactor } from '../../../src/base/redactor'
import { TypedSecrets } from '../../../src/ssh/identities'
import { openTransport } from '../../../src/ssh/openTransport'
import type { SshPrompts } from '../../../src/ssh/prompts'
import { stringOf } from '../../../src/ssh/publicKey'
import type { SshSettings } from '../../../src/ssh/settings'
import type { Transport } from '../../../src/ssh/transport'
import { RememberedPassphrases } from '../../../src/ui/rememberedPassphrases'
import { startEchoApp } from '../../support/apps'
import { CollectedLog } from '../../support/collectedLog'
import { startDropbear, type Dropbear } from '../../support/dropbear'
import { asksForKeys, keysAnswer, startFakeAgent } from '../../support/fakeAgent'
import { freePort } from '../../support/freePort'
import { fidoKey, pkcs8Ed25519, ppk2 } from '../../support/keyFormats'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { startSshd, type ClientKey, type Sshd } from '../../support/sshd'
import { fingerprintOf, generateKey } from '../../support/sshKeys'
import { findTool } from '../../support/tools'
import { waitUntil } from '../../support/waitUntil'
import { loginTo, startWorld } from '../../support/world'

const run = promisify(execFile)
const passphrase = 'open sesame'

interface Login {
  readonly settings: Partial<SshSettings>
  readonly prompts?: Partial<SshPrompts>
  readonly secrets?: TypedSecrets
  readonly signal?: AbortSignal
  /** The sshd of all tests unless given. */
  readonly server?: Pick<Sshd, 'host' | 'port' | 'user' | 'knownHostsLine'>
}

describe('logging in, as OpenSSH would', () => {
  let suite: Scope
  let scope: Scope
  let sshd: Sshd
  let log: CollectedLog
  let directory: string

  before(async () => {
    suite = new Scope()
    sshd = await startSshd(suite)
  })
  after(() => suite.close())
  beforeEach(() => {
    scope = new Scope()
    log = new CollectedLog()
    directory = scope.tempDir('keys')
  })
  afterEach(() => scope.close())

  async function login({ settings, prompts = {}, server = sshd, ...rest }: Login): Promise<Transport> {
    const knownHostsFile = join(directory, 'known_hosts')
    writeFileSync(knownHostsFile, `${server.knownHostsLine}\n`)
    const nobody: ClientKey = { path: join(directory, 'none'), publicKey: '' }
    const transport = await openTransport({
      settings: { ...loginTo(server, { key: nobody, knownHostsFile }), identityFiles: [], ...settings },
      prompts: scriptedPrompts(prompts),
      secrets: rest.secrets ?? new TypedSecrets(),
      clock: systemClock,
      log,
      signal: rest.signal ?? new AbortController().signal,
      onHop: () => undefined,
      resolve: () => assert.fail('nobody expected a jump host'),
    })
    scope.add(() => transport.dispose())
    return transport
  }

  async function refusal(attempt: Login): Promise<Failure> {
    const error: unknown = await login(attempt).then(
      () => assert.fail('it let us in'),
      (reason: unknown) => reason,
    )
    if (error instanceof assert.AssertionError) throw error
    assert.ok(error instanceof Failure, `expected a failure, got ${String(error)}`)
    return error
  }

  /** A key file with nothing beside it. */
  function write(name: string, content: string): string {
    const path = join(directory, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }

  async function newKey(name: string, type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519'): Promise<ClientKey> {
    const path = join(directory, name)
    return { path, publicKey: await generateKey({ path, type, comment: name }) }
  }

  /** Changes a key's file as ssh-keygen -p does. */
  async function convert(path: string, newPassphrase: string, ...options: string[]): Promise<void> {
    await run(findTool('ssh-keygen'), ['-q', '-p', '-P', '', '-N', newPassphrase, ...options, '-f', path])
  }

  async function startAgent(...keys: readonly { readonly path: string }[]): Promise<string> {
    const socket = join(scope.tempDir('agent'), 'agent.sock')
    await scope.spawn(findTool('ssh-agent'), ['-D', '-a', socket], { ready: /./ })
    const env = { ...process.env, SSH_AUTH_SOCK: socket }
    for (const { path } of keys) await run(findTool('ssh-add'), ['-q', path], { env })
    return socket
  }

  describe('with a key file', () => {
    interface Format {
      readonly name: string
      readonly type?: 'ed25519' | 'ecdsa' | 'rsa'
      /** What becomes of OpenSSH's own file; answers the public key where it is another one. */
      readonly change?: (path: string) => Promise<unknown>
      readonly encrypted?: boolean
    }
    const keygen =
      (newPassphrase: string, ...options: string[]) =>
      (path: string) =>
        convert(path, newPassphrase, ...options)
    const putty = (words: string) => async (path: string) => {
      await convert(path, '', '-m', 'PEM')
      writeFileSync(path, ppk2(readFileSync(path, 'utf8'), words))
    }
    const openssl = (words?: string) => (path: string) => {
      const { pem, publicKey } = pkcs8Ed25519(words)
      writeFileSync(path, pem)
      writeFileSync(`${path}.pub`, `${publicKey}\n`)
      return Promise.resolve()
    }
    const withParameters = async (path: string) => {
      const options = ['ecparam', '-genkey', '-name', 'secp384r1']
      const { stdout } = await run(findTool('openssl'), options)
      assert.match(stdout, /^-----BEGIN EC PARAMETERS/)
      writeFileSync(path, stdout)
      const publicKey = await run(findTool('ssh-keygen'), ['-y', '-f', path])
      writeFileSync(`${path}.pub`, publicKey.stdout)
    }
    const formats: Format[] = [
      { name: 'OpenSSH ed25519' },
      { name: 'OpenSSH ecdsa', type: 'ecdsa' },
      { name: 'OpenSSH rsa', type: 'rsa' },
      { name: 'OpenSSH ed25519, encrypted', encrypted: true, change: keygen(passphrase) },
      { name: 'OpenSSH rsa, encrypted', type: 'rsa', encrypted: true, change: keygen(passphrase) },
      ...['aes256-gcm@openssh.com', 'aes128-cbc'].map((cipher) => ({
        name: `OpenSSH ecdsa, encrypted with ${cipher}`,
        type: 'ecdsa' as const,
        encrypted: true,
        change: keygen(passphrase, '-Z', cipher),
      })),
      ...(['rsa', 'ecdsa'] as const).flatMap((type) =>
        ['PEM', 'PKCS8'].flatMap((form) => [
          { name: `${form} ${type}`, type, change: keygen('', '-m', form) },
          {
            name: `${form} ${type}, encrypted`,
            type,
            encrypted: true,
            change: keygen(passphrase, '-m', form),
          },
        ]),
      ),
      { name: 'PEM ecdsa after its parameters', type: 'ecdsa', change: withParameters },
      { name: 'PKCS8 ed25519', change: openssl() },
      { name: 'PKCS8 ed25519, encrypted', encrypted: true, change: openssl(passphrase) },
      { name: 'PuTTY 2 rsa', type: 'rsa', change: putty('') },
      { name: 'PuTTY 2 rsa, encrypted', type: 'rsa', encrypted: true, change: putty(passphrase) },
    ]
    for (const { name, type = 'ed25519', change, encrypted = false } of formats) {
      it(`in the format ${name}`, async () => {
        const { path } = await newKey('key', type)
        await change?.(path)
        const publicKey = readFileSync(`${path}.pub`, 'utf8').trim()
        sshd.authorize(publicKey)
        // Without it the key has to be read before it is offered, unless it says itself what it is.
        rmSync(`${path}.pub`)
        const answers = ['wrong', passphrase]
        await login({
          settings: { identityFiles: [path] },
          prompts: encrypted ? { passphrase: () => Promise.resolve(answers.shift()) } : {},
        })
        assert.equal(answers.length, encrypted ? 0 : 2)
        const fingerprint = fingerprintOf(publicKey).replace(/[+/]/g, '\\$&')
        await sshd.waitForLog(new RegExp(`Accepted publickey for .* ${fingerprint}`))
        assert.doesNotMatch(log.text, /open sesame|wrong$/m)
      })
    }

    it('whose passphrase is asked for only when the server wants that key', async () => {
      const [locked, open] = [await newKey('locked'), await newKey('open')]
      await convert(locked.path, passphrase)
      rmSync(`${locked.path}.pub`)
      sshd.authorize(open.publicKey)
      // A question would fail: nobody expects one.
      await login({ settings: { identityFiles: [locked.path, open.path] } })
      assert.match(log.text, /offering ssh-ed25519 .*locked/)
    })

    it('whose passphrase is left empty is passed over; a closed question ends it all', async () => {
      const [locked, open] = [await newKey('locked'), await newKey('open')]
      for (const { publicKey } of [locked, open]) sshd.authorize(publicKey)
      await convert(locked.path, passphrase)
      const settings = { identityFiles: [locked.path, open.path] }
      await login({ settings, prompts: { passphrase: () => Promise.resolve('') } })
      assert.match(log.text, /passed over .*locked: no passphrase was given/)
      const closed = { passphrase: () => Promise.resolve(undefined) }
      await assert.rejects(login({ settings, prompts: closed }), Cancelled)
    })

    it('that others may read is used, with a warning', async () => {
      const key = await newKey('key')
      sshd.authorize(key.publicKey)
      chmodSync(key.path, 0o644)
      await login({ settings: { identityFiles: [key.path] } })
      assert.match(log.text, /warn .*key is open to others \(mode 644\).*chmod 600/)
    })

    it('beside a public key of another one says so', async () => {
      const [key, other] = [await newKey('key'), await newKey('other')]
      sshd.authorize(other.publicKey)
      await convert(key.path, '', '-m', 'PEM')
      writeFileSync(key.path, pkcs8Ed25519().pem)
      writeFileSync(`${key.path}.pub`, other.publicKey)
      const failure = await refusal({ settings: { identityFiles: [key.path] } })
      assert.match(failure.message, /key \(.*key\.pub belongs to another key\)/)
    })

    it('that cannot be used is named with the reason, and the next one is tried', async () => {
      const fido = fidoKey('yubikey')
      const real = await newKey('real')
      const whole = readFileSync(real.path, 'utf8')
      symlinkSync(join(directory, 'loop'), join(directory, 'loop'))
      mkdirSync(join(directory, 'directory'))
      await run('mkfifo', [join(directory, 'pipe')])
      await newKey('ca')
      await newKey('certified')
      const certify = ['-q', '-s', join(directory, 'ca'), '-I', 'me', '-n', 'me']
      await run(findTool('ssh-keygen'), [...certify, join(directory, 'certified.pub')])
      const ppk3 = 'PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\nComment: c\r\n'
      const cases: [path: string, reason: RegExp, advice?: RegExp][] = [
        [join(directory, 'directory'), /a directory/],
        [join(directory, 'pipe'), /not a file/],
        [join(directory, 'loop'), /it cannot be read: ELOOP/, /Check the owner and the mode/],
        [write('empty', ''), /it is empty/],
        [write('notes', 'remember the milk\n'), /not a key in a known format/],
        [write('large', 'x'.repeat(1024 * 1024 + 1)), /too large for a key/],
        [write('cut', whole.slice(0, 90)), /a damaged key/, /Restore .*cut/],
        [write('id_sk', fido.privateKey), /a FIDO key/, /ssh-keygen -t ed25519/],
        [write('id_sk.pub', fido.publicKey), /a FIDO key/],
        [write('mistake.pub', real.publicKey), /a public key, and no agent has/, /such as .*mistake,/],
        [join(directory, 'certified-cert.pub'), /a certificate/, /authorized_keys/],
        [write('putty.ppk', ppk3), /a PuTTY key, version 3 with ssh-ed25519/, /puttygen ".*putty\.ppk"/],
        [write('dsa', '-----BEGIN DSA PRIVATE KEY-----\n'), /a DSA key/],
      ]
      if (process.getuid?.() !== 0) {
        chmodSync(write('locked', whole), 0)
        cases.push([join(directory, 'locked'), /it cannot be read: EACCES/])
      }
      const identityFiles = cases.map(([path]) => path)
      const failure = await refusal({ settings: { identityFiles } })
      assert.equal(failure.kind, 'authentication-refused')
      const tried = /Tried: (.*)\.$/.exec(failure.message)?.[1]?.split(/, (?=\/)/) ?? []
      for (const [path, reason, advice = /./] of cases) {
        const [named = ''] = tried.filter((one) => one.startsWith(`${path} (`))
        assert.match(named, reason, path)
        assert.match(failure.advice, advice)
        assert.ok(log.text.includes(`passed over ${path}:`), path)
      }
      assert.equal(tried.length, cases.length)

      sshd.authorize(real.publicKey)
      await login({ settings: { identityFiles: [...identityFiles, real.path] } })
    })

    it('with a certificate beside it: the key is used, and the certificate named', async () => {
      const [key] = [await newKey('key'), await newKey('ca')]
      const certify = ['-q', '-s', join(directory, 'ca'), '-I', 'me', '-n', 'me', `${key.path}.pub`]
      await run(findTool('ssh-keygen'), certify)
      const failure = await refusal({ settings: { identityFiles: [key.path] } })
      assert.match(failure.message, /key-cert\.pub \(a certificate, which cannot be used here\)/)
      sshd.authorize(key.publicKey)
      await login({ settings: { identityFiles: [key.path] } })
    })
  })

  describe('with an agent', () => {
    let strict: Sshd
    before(async () => {
      strict = await startSshd(suite, { config: ['MaxAuthTries 3'] })
    })

    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
      it(`that holds an ${type} key`, async () => {
        const key = await newKey('key', type)
        sshd.authorize(key.publicKey)
        const identityAgent = await startAgent(key)
        await login({ settings: { identityAgent, identitiesOnly: false } })
        assert.match(log.text, /offering \S+ key \(agent\)/)
      })
    }

    describe('of twelve keys, where the server takes three tries', () => {
      let key: ClientKey
      let identityAgent: string
      beforeEach(async () => {
        const others: ClientKey[] = []
        for (let count = 0; count < 11; count++) others.push(await newKey(`other-${count}`))
        key = await newKey('right')
        strict.authorize(key.publicKey)
        identityAgent = await startAgent(...others, key)
      })

      const ways: [what: string, identityFile: (path: string) => string][] = [
        [
          'its own file',
          (path) => {
            rmSync(`${path}.pub`)
            return path
          },
        ],
        [
          'a path of which only the public half is there',
          (path) => {
            rmSync(path)
            return path
          },
        ],
        [
          'the file of its public half',
          (path) => {
            rmSync(path)
            return `${path}.pub`
          },
        ],
      ]
      for (const [what, identityFile] of ways) {
        for (const identitiesOnly of [false, true]) {
          it(`the one named by ${what} is first${identitiesOnly ? ' and alone' : ''}`, async () => {
            const identityFiles = [identityFile(key.path)]
            await login({ server: strict, settings: { identityAgent, identitiesOnly, identityFiles } })
            assert.equal(log.lines.filter((line) => line.includes('offering')).length, 1)
          })
        }
      }

      it('without a name for the right one, the failure says how to name it', async () => {
        const failure = await refusal({ server: strict, settings: { identityAgent, identitiesOnly: false } })
        assert.equal(failure.kind, 'too-many-authentication-tries')
        assert.match(failure.advice, /Name the right key/)
      })
    })

    it('that holds FIDO keys and certificates: they are named, and the next key is tried', async () => {
      const fido = fidoKey('yubikey')
      const certified = await newKey('certified')
      await newKey('ca')
      const certify = ['-q', '-s', join(directory, 'ca'), '-I', 'me', '-n', 'me', `${certified.path}.pub`]
      await run(findTool('ssh-keygen'), certify)
      const identityAgent = await startAgent({ path: write('id_sk', fido.privateKey) }, certified)
      for (const publicKey of [fido.publicKey]) sshd.authorize(publicKey)
      const settings = { identityAgent, identitiesOnly: false }
      const failure = await refusal({ settings })
      assert.match(failure.message, /yubikey \(agent\) \(a FIDO key, which cannot be used here\)/)
      assert.match(failure.message, /certified \(agent\) \(a certificate, which cannot be used here\)/)
      assert.match(failure.advice, /ssh-keygen -t ed25519.*authorized_keys/)
      assert.match(log.text, /passed over yubikey \(agent\): a FIDO key/)
      sshd.authorize(certified.publicKey)
      await login({ settings })
    })

    it('that cannot be reached does not keep a key file from being used', async () => {
      const key = await newKey('key')
      const identityAgent = join(directory, 'gone.sock')
      const settings = { identityAgent, identitiesOnly: false, identityFiles: [key.path] }
      const failure = await refusal({ settings })
      assert.match(failure.message, /the agent .*gone\.sock \(Failed to connect to agent\)/)
      sshd.authorize(key.publicKey)
      await login({ settings })
    })

    /** An agent that shows one key, and does what it is told when it is to sign. */
    const oddAgent = (publicKey: string, onSign: (socket: Socket) => void) =>
      startFakeAgent(scope, (message, socket) => {
        if (asksForKeys(message)) socket.write(keysAnswer(publicKey))
        else onSign(socket)
      })

    it('that dies or refuses when it is to sign is named, and the next key is tried', async () => {
      const [key, other] = [await newKey('key'), await newKey('other')]
      for (const { publicKey } of [key, other]) sshd.authorize(publicKey)
      const ways: [(socket: Socket) => void, RegExp][] = [
        [(socket) => socket.destroy(), /key \(agent\): it ended without an answer/],
        [(socket) => socket.write(stringOf(Buffer.from([5]))), /key \(agent\): the agent refused to sign/],
      ]
      for (const [onSign, reason] of ways) {
        const identityAgent = await oddAgent(key.publicKey, onSign)
        await login({ settings: { identityAgent, identitiesOnly: false, identityFiles: [other.path] } })
        assert.match(log.text, reason)
      }
    })

    it('that is asking its owner is waited for beyond the limit of the connection, and a cancel ends it', async () => {
      const key = await newKey('key')
      sshd.authorize(key.publicKey)
      const abort = new AbortController()
      let asked = 0
      const identityAgent = await oddAgent(key.publicKey, () => asked++)
      const settings = { identityAgent, identitiesOnly: false, connectTimeoutMs: 200 }
      const attempt = login({ settings, signal: abort.signal })
      attempt.catch(() => undefined)
      await waitUntil('the agent to be asked', () => asked > 0)
      await new Promise((resolve) => setTimeout(resolve, 400))
      abort.abort(new Cancelled())
      await assert.rejects(attempt, Cancelled)
    })
  })

  describe('with an encrypted key', () => {
    /** What the window does, with dialogs that are answered by a script. */
    function remembering(typed: string[], offered: 'remember' | 'not now' | 'never' = 'not now') {
      const stored = new Map<string, string>()
      const memory = new Map<string, unknown>()
      const asked: string[] = []
      const offers: string[] = []
      const redactor = new Redactor()
      const window = () => {
        const passphrases = new RememberedPassphrases({
          secrets: {
            get: (key) => Promise.resolve(stored.get(key)),
            store: (key, value) => Promise.resolve(void stored.set(key, value)),
            delete: (key) => Promise.resolve(void stored.delete(key)),
          },
          memory: {
            get: (key: string) => memory.get(key),
            update: (key, value) => Promise.resolve(void memory.set(key, value)),
          } as ConstructorParameters<typeof RememberedPassphrases>[0]['memory'],
          dialogs: {
            ask: ({ title }) => {
              asked.push(title)
              return Promise.resolve(typed.shift())
            },
            offer: (keyFile) => {
              offers.push(keyFile)
              return Promise.resolve(offered)
            },
          },
          redactor,
          log,
        })
        return {
          passphrase: (question: Parameters<SshPrompts['passphrase']>[0]) => passphrases.passphrase(question),
          passphraseProved: (question: Parameters<SshPrompts['passphraseProved']>[0]) =>
            passphrases.passphraseProved(question),
        }
      }
      return { window, stored, asked, offers, redactor }
    }

    it('the passphrase is asked for once: not when it heals, nor for a tunnel through another server', async () => {
      const world = await startWorld(scope)
      const key = await world.sshd.newClientKey({ passphrase })
      const { window, asked } = remembering([passphrase])
      const tunnels = world.tunnels(scriptedPrompts(window()))
      const app = await startEchoApp(scope)
      const open = (server: ReturnType<typeof world.oneUrl>) =>
        tunnels.open({
          app: { host: 'localhost', port: app.port, protocol: 'http' },
          server,
          name: 'locked',
          signal: new AbortController().signal,
        })
      const settings = { identityFiles: [key.path] }
      const first = await open(world.oneUrl(settings))
      const second = await open(world.namedUrls(settings))
      assert.equal(world.sshd.sessionCount(), 2)
      const logins = () => world.log.lines.filter((line) => line.includes('info connected to')).length
      assert.equal(logins(), 2)
      await world.sshd.restart()
      await waitUntil('both to heal', () => logins() === 4)
      assert.deepEqual(asked, ['Passphrase'])
      assert.ok(!world.log.text.includes(passphrase))
      await Promise.all([first.stop(), second.stop()])
    })

    it('the passphrase stays with the connection, whatever the window does', async () => {
      const key = await sshd.newClientKey({ passphrase })
      const answers = [passphrase]
      const prompts = { passphrase: () => Promise.resolve(answers.shift()) }
      const secrets = new TypedSecrets()
      for (let times = 0; times < 2; times++) {
        await login({ settings: { identityFiles: [key.path] }, prompts, secrets })
      }
    })

    it('the passphrase is kept when the user says so, and one that is wrong by now is deleted', async () => {
      const key = await sshd.newClientKey({ passphrase })
      const { window, stored, asked, offers, redactor } = remembering(
        ['wrong', passphrase, 'changed'],
        'remember',
      )
      const settings = { identityFiles: [key.path] }
      await login({ settings, prompts: window() })
      await waitUntil('it to be stored', () => stored.size === 1)
      assert.deepEqual(asked, ['Passphrase', 'Wrong passphrase, try again'])
      assert.deepEqual(offers, [key.path])
      const [name = '', value] = [...stored].flat()
      assert.equal(name, `passphrase ${fingerprintOf(key.publicKey)} ${key.path}`)
      assert.equal(value, passphrase)

      await login({ settings, prompts: window() })
      assert.equal(asked.length, 2)
      assert.equal(redactor.redact(`it is ${passphrase}`), 'it is •••')

      await run(findTool('ssh-keygen'), ['-q', '-p', '-P', passphrase, '-N', 'changed', '-f', key.path])
      await login({ settings, prompts: window() })
      assert.equal(asked.at(-1), 'The remembered passphrase is no longer right')
      await waitUntil('the new one to be stored', () => stored.get(name) === 'changed')
    })
  })

  describe('by questions', () => {
    const visitor = { name: 'visitor', password: 'correct horse' }
    const answerWith = (answers: string[], asked: string[] = []): Partial<SshPrompts> => ({
      keyboardInteractive: ({ prompts }) => {
        asked.push(...prompts.map(({ prompt, echo }) => `${prompt}${echo ? '(shown)' : ''}`))
        return Promise.resolve(prompts.map(() => answers.shift() ?? 'none left'))
      },
    })

    it('keyboard-interactive in two rounds, and without asking for the password when it heals', async () => {
      const pamAuth = ['auth required pam_unix.so nodelay', 'auth required pam_ftp.so users=visitor']
      const passwordUser = { ...visitor, ask: 'keyboard-interactive', pamAuth } as const
      const server = await startSshd(scope, { passwordUser })
      const secrets = new TypedSecrets()
      const asked: string[] = []
      const { name: user, password } = visitor
      const prompts = answerWith([password, 'me@home', 'me@home'], asked)
      const settings = { user }
      await login({ server, settings, secrets, prompts })
      const [first, second] = asked
      assert.equal(first, 'Password: ')
      assert.match(second ?? '', /e-mail address as password/)
      await login({ server, settings, secrets, prompts })
      assert.deepEqual(asked, [first, second, second])
    })

    for (const method of ['keyboard-interactive', 'password'] as const) {
      for (const where of ['file', 'agent']) {
        it(`a key (${where}), and then ${method} as the second factor`, async () => {
          const config = [`AuthenticationMethods publickey,${method}`]
          const server = await startSshd(scope, { config, passwordUser: { ...visitor, ask: method } })
          const prompts = {
            ...answerWith([visitor.password]),
            password: () => Promise.resolve(visitor.password),
          }
          const [wrong, key] = [await newKey('wrong'), await newKey('key')]
          server.authorize(key.publicKey)
          const identities =
            where === 'file'
              ? { identityFiles: [wrong.path, key.path] }
              : { identityAgent: await startAgent(wrong, key), identitiesOnly: false }
          await login({ server, settings: { user: visitor.name, ...identities }, prompts })
          await server.waitForLog(new RegExp(`Partial publickey for visitor[^]*Accepted ${method}`))
        })
      }
    }

    /** A server of ssh2, for what PAM does not ask. */
    async function askingServer(
      onAuthentication: (context: AuthContext) => void,
    ): Promise<NonNullable<Login['server']>> {
      const hostKey = await newKey('host')
      const server = new SshServer({ hostKeys: [readFileSync(hostKey.path)] }, (client) =>
        client.on('error', () => undefined).on('authentication', onAuthentication),
      )
      scope.add(() => server.close())
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const { port } = server.address() as AddressInfo
      const knownHostsLine = `[127.0.0.1]:${port} ${hostKey.publicKey}`
      return { host: '127.0.0.1', port, user: 'visitor', knownHostsLine }
    }

    /** Asks the rounds one after the other, and lets in whoever answers them in this way. */
    const rounds =
      (questions: readonly Prompt[][], expected: readonly string[][]) => (context: AuthContext) => {
        if (context.method !== 'keyboard-interactive') {
          context.reject(['keyboard-interactive'])
          return
        }
        const answered: string[][] = []
        const ask = () => {
          const round = questions[answered.length]
          if (round === undefined) {
            if (isDeepStrictEqual(answered, expected)) context.accept()
            else context.reject()
            return
          }
          context.prompt([...round], 'Gate', 'Say who you are.', (answers) => {
            answered.push(answers)
            ask()
          })
        }
        ask()
      }

    it('keyboard-interactive with several prompts at once, shown and hidden, and with none', async () => {
      const server = await askingServer(
        rounds(
          [
            [
              { prompt: 'Name: ', echo: true },
              { prompt: 'PIN: ', echo: false },
            ],
            [],
            [{ prompt: 'Code: ', echo: true }],
          ],
          [['Ada', '1234'], [], ['42']],
        ),
      )
      const asked: unknown[] = []
      const answers = [['Ada', '1234'], ['42']]
      await login({
        server,
        settings: {},
        prompts: {
          keyboardInteractive: (question) => {
            asked.push(question)
            return Promise.resolve(answers.shift())
          },
        },
      })
      const whose = {
        destination: `127.0.0.1:${server.port}`,
        name: 'Gate',
        instructions: 'Say who you are.',
      }
      assert.deepEqual(asked, [
        {
          ...whose,
          prompts: [
            { prompt: 'Name: ', echo: true },
            { prompt: 'PIN: ', echo: false },
          ],
        },
        { ...whose, prompts: [{ prompt: 'Code: ', echo: true }] },
      ])
    })

    it('a server that asks for ever is left, whether somebody has to answer or not', async () => {
      const endless = (round: Prompt[]) =>
        rounds(
          Array.from({ length: 100_000 }, () => round),
          [],
        )
      const asking = await askingServer(endless([{ prompt: 'And now? ', echo: true }]))
      const failure = await refusal({ server: asking, settings: {}, prompts: answerWith([]) })
      assert.equal(failure.kind, 'server-asks-without-end')
      rmSync(join(directory, 'host'))
      const talking = await askingServer(endless([]))
      const silent = await refusal({ server: talking, settings: { connectTimeoutMs: 400 } })
      assert.equal(silent.kind, 'handshake-timed-out')
    })

    it('a server that wants a new password is named, and none is given', async () => {
      const server = await askingServer((context) => {
        if (context.method !== 'password') context.reject(['password'])
        else context.requestChange('Your password has expired.', () => assert.fail('a new one was sent'))
      })
      const prompts = { password: () => Promise.resolve('old') }
      const failure = await refusal({ server, settings: {}, prompts })
      assert.equal(failure.kind, 'password-expired')
      assert.equal(failure.said, 'Your password has expired.')
      assert.match(failure.advice, /ssh visitor@127\.0\.0\.1/)
    })

    it('no password is asked for or sent where the server takes keys only', async () => {
      const key = await sshd.newClientKey({ authorized: false })
      // A question for it would fail: nobody expects one.
      const secrets = new TypedSecrets()
      secrets.passwords.set(`${sshd.user}@${sshd.host}:${sshd.port}`, 'correct horse')
      const alreadyLogged = sshd.log().length
      const failure = await refusal({ settings: { identityFiles: [key.path] }, secrets })
      assert.equal(failure.said, 'It accepts: publickey.')
      const methods = [
        ...sshd
          .log()
          .slice(alreadyLogged)
          .matchAll(/userauth-request .* method (\S+)/g),
      ]
      assert.deepEqual(
        methods.map(([, method]) => method),
        ['none', 'publickey'],
      )
    })

    it('no password is asked for or sent before the host key is trusted', async () => {
      const server = await startSshd(scope, { passwordUser: visitor })
      const secrets = new TypedSecrets()
      secrets.passwords.set(`visitor@${server.host}:${server.port}`, visitor.password)
      const { host, port } = server
      const unknown = { host, port, user: 'visitor', knownHostsLine: '' } as const
      const settings = { user: 'visitor' }
      const prompts = { unknownHostKey: () => Promise.resolve(false) }
      const failure = await refusal({ server: unknown, settings, secrets, prompts })
      assert.equal(failure.kind, 'host-key-declined')
      assert.match(server.log(), /KEX/i)
      assert.doesNotMatch(server.log(), /userauth-request/)
      await login({ server, settings, secrets })
      assert.match(server.log(), /userauth-request for user visitor .* method password/)
    })
  })

  describe('to dropbear', () => {
    let dropbear: Dropbear
    before(async () => {
      dropbear = await startDropbear(suite)
    })

    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
      it(`with an ${type} key, and forwards a port`, async () => {
        const key = await newKey('key', type)
        dropbear.authorize(key.publicKey)
        const transport = await login({ server: dropbear, settings: { identityFiles: [key.path] } })
        const port = await freePort()
        const forward = await transport.forward({ kind: 'tcp', host: '127.0.0.1', port }, ({ stream }) =>
          stream.end('hello from here'),
        )
        const visitor = connect(port, '127.0.0.1').setEncoding('utf8')
        let said = ''
        visitor.on('data', (text: string) => (said += text))
        await once(visitor, 'close')
        assert.equal(said, 'hello from here')
        await forward.cancel()
      })
    }

    it('with an encrypted key, an agent, and a password', async () => {
      const key = await newKey('key')
      dropbear.authorize(key.publicKey)
      const identityAgent = await startAgent(key)
      await login({ server: dropbear, settings: { identityAgent, identitiesOnly: false } })
      await convert(key.path, passphrase)
      const prompts = { passphrase: () => Promise.resolve(passphrase) }
      await login({ server: dropbear, settings: { identityFiles: [key.path] }, prompts })
      const typed = ['wrong horse', dropbear.password]
      await login({
        server: dropbear,
        settings: {},
        prompts: { password: () => Promise.resolve(typed.shift()) },
      })
      assert.match(dropbear.log(), /Password auth succeeded for 'visitor'/)
    })
  })
})
