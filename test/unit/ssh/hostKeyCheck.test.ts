import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HostKeyCheck } from '../../../src/ssh/hostKeyCheck'
import { parseKnownHosts } from '../../../src/ssh/knownHosts'
import type { SshPrompts } from '../../../src/ssh/prompts'
import { fingerprint } from '../../../src/ssh/publicKey'
import type { SshSettings } from '../../../src/ssh/settings'
import { parseSshG, settingsFromOptions } from '../../../src/ssh/sshConfig'
import { CollectedLog } from '../../support/collectedLog'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { publicKey, publicKeyLine } from './fixture'

describe('HostKeyCheck', () => {
  let scope: Scope
  let file: string
  let log: CollectedLog
  beforeEach(() => {
    scope = new Scope()
    file = join(scope.tempDir('host-key'), 'known_hosts')
    log = new CollectedLog()
  })
  afterEach(() => scope.close())

  const key = publicKey('ed25519-a')
  const other = publicKey('rsa-a')
  const line = (name: string, of = 'ed25519-a') => `${name} ${publicKeyLine(of)}\n`
  const written = () => (existsSync(file) ? readFileSync(file, 'utf8') : '')

  async function start(changes: Partial<SshSettings> = {}, trust?: boolean) {
    const settings: SshSettings = {
      ...settingsFromOptions({ host: 'Dev.example.com', user: 'ada', port: 2222 }, parseSshG('')),
      userKnownHostsFiles: [file],
      globalKnownHostsFiles: [],
      ...changes,
    }
    const prompts = scriptedPrompts(
      trust === undefined ? {} : { unknownHostKey: () => Promise.resolve(trust) },
    )
    let pauses = 0
    const check = await HostKeyCheck.start({
      ...{ settings, prompts, log },
      asking: (ask) => {
        pauses += 1
        return ask()
      },
    })
    return { check, asked: prompts.asked, pauses: () => pauses }
  }

  it('asks about an unknown key with its fingerprint, remembers it, and does not ask again', async () => {
    const first = await start({}, true)
    assert.equal(await first.check.check(key.blob), true)
    const question = first.asked[0] as Parameters<SshPrompts['unknownHostKey']>[0]
    assert.deepEqual(
      [first.asked.length, question.destination, question.keyType, question.fingerprint],
      [1, 'Dev.example.com:2222', 'ssh-ed25519', fingerprint(key)],
    )
    assert.equal(first.pauses(), 1, 'the time limit stands still meanwhile')
    assert.equal(written(), line('[dev.example.com]:2222'))

    const second = await start()
    assert.equal(await second.check.check(key.blob), true)
    assert.deepEqual(second.asked, [])
  })

  it('remembers nothing that was declined', async () => {
    const { check } = await start({}, false)
    assert.equal(await check.check(key.blob), false)
    assert.equal(check.failure?.kind, 'host-key-declined')
    assert.equal(written(), '')
  })

  const rows: [
    what: string,
    before: string,
    changes: Partial<SshSettings>,
    failure: string | undefined,
    after: string,
  ][] = [
    [
      'accept-new remembers',
      '',
      { strictHostKeyChecking: 'accept-new' },
      undefined,
      line('[dev.example.com]:2222'),
    ],
    ['no remembers', '', { strictHostKeyChecking: 'no' }, undefined, line('[dev.example.com]:2222')],
    ['yes refuses', '', { strictHostKeyChecking: 'yes' }, 'host-key-unknown', ''],
    [
      'a changed key is refused',
      line('[dev.example.com]:2222', 'ed25519-b'),
      {},
      'host-key-changed',
      line('[dev.example.com]:2222', 'ed25519-b'),
    ],
    [
      'a key of another type is refused under accept-new',
      line('[dev.example.com]:2222', 'rsa-b'),
      { strictHostKeyChecking: 'accept-new' },
      'host-key-changed',
      line('[dev.example.com]:2222', 'rsa-b'),
    ],
    [
      'a revoked key is refused',
      `@revoked * ${publicKeyLine('ed25519-a')}\n`,
      {},
      'host-key-revoked',
      `@revoked * ${publicKeyLine('ed25519-a')}\n`,
    ],
    [
      'port 22 is filed without it',
      '',
      { strictHostKeyChecking: 'no', port: 22 },
      undefined,
      line('dev.example.com'),
    ],
    [
      'an alias stands for the name and the port',
      '',
      { strictHostKeyChecking: 'no', hostKeyAlias: 'my-alias' },
      undefined,
      line('my-alias'),
    ],
    [
      'an alias is looked up',
      line('my-alias'),
      { strictHostKeyChecking: 'yes', hostKeyAlias: 'my-alias' },
      undefined,
      line('my-alias'),
    ],
    [
      'a file that is nowhere remembers nothing',
      '',
      { strictHostKeyChecking: 'no', userKnownHostsFiles: ['/dev/null'] },
      undefined,
      '',
    ],
    [
      'no file at all refuses a new host, as ssh does',
      '',
      { strictHostKeyChecking: 'no', userKnownHostsFiles: [] },
      'host-key-unknown',
      '',
    ],
  ]
  for (const [what, before, changes, failure, after] of rows) {
    it(what, async () => {
      if (before !== '') writeFileSync(file, before)
      const { check } = await start(changes)
      assert.equal(await check.check(key.blob), failure === undefined)
      assert.equal(check.failure?.kind, failure)
      assert.equal(written(), after)
    })
  }

  it('hashes the name where ssh_config says so', async () => {
    const { check } = await start({ strictHostKeyChecking: 'accept-new', hashKnownHosts: true })
    assert.equal(await check.check(key.blob), true)
    assert.match(written(), /^\|1\|/)
    assert.ok(parseKnownHosts(written(), file)[0]?.matches('[dev.example.com]:2222'))
  })

  it('trusts a key of the global files and of the settings, and writes nothing', async () => {
    const global = join(scope.tempDir('global'), 'ssh_known_hosts')
    writeFileSync(global, line('[dev.example.com]:2222'))
    const fixedKnownHosts = parseKnownHosts(line('[dev.example.com]:2222'), '-')
    for (const changes of [{ globalKnownHostsFiles: [global] }, { fixedKnownHosts }]) {
      const { check } = await start({ ...changes, strictHostKeyChecking: 'yes' })
      assert.equal(await check.check(key.blob), true)
    }
    assert.equal(written(), '')
  })

  it('trusts the same key on a rekey without a question, and no other', async () => {
    const { check, asked } = await start({}, true)
    assert.equal(await check.check(key.blob), true)
    assert.equal(await check.check(Buffer.from(key.blob)), true)
    assert.equal(await check.check(other.blob), false)
    assert.equal(asked.length, 1)
  })

  it('keeps its own copy of the trusted key: the buffer is ssh2’s', async () => {
    const { check } = await start({ strictHostKeyChecking: 'accept-new' })
    const blob = Buffer.from(key.blob)
    assert.equal(await check.check(blob), true)
    other.blob.copy(blob)
    assert.equal(await check.check(key.blob), true)
  })

  it('refuses what is no key, without a question', async () => {
    const { check, asked } = await start({}, true)
    assert.equal(await check.check(Buffer.from('nonsense')), false)
    assert.deepEqual(asked, [])
  })

  it('goes on when the file cannot be written, and says so', async () => {
    const folder = scope.tempDir('not-a-file')
    const { check } = await start({ userKnownHostsFiles: [folder] }, true)
    assert.equal(await check.check(key.blob), true)
    assert.match(log.text, /^warn .* could not be written/m)
  })
})
