import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseKnownHosts } from '../../../src/ssh/knownHosts'
import { readKnownHosts, rememberHostKey } from '../../../src/ssh/knownHostsFile'
import { Scope } from '../../support/scope'
import { publicKey, publicKeyLine } from './fixture'

describe('rememberHostKey', () => {
  let scope: Scope
  let folder: string
  let file: string
  beforeEach(() => {
    scope = new Scope()
    folder = scope.tempDir('known-hosts')
    file = join(folder, 'known_hosts')
  })
  afterEach(() => scope.close())

  const key = publicKey('ed25519-a')
  const line = `dev.example.com ${publicKeyLine('ed25519-a')}\n`
  const remember = (hashed = false) => rememberHostKey({ file, name: 'dev.example.com', key, hashed })

  const before: [string, string, string][] = [
    ['an empty file', '', ''],
    ['a file with lines', `# mine\nother ${publicKeyLine('rsa-a')}\n`, ''],
    ['a file without a last line break', `# mine\nother ${publicKeyLine('rsa-a')}`, '\n'],
    ['a file with CRLF', 'a b c\r\n', ''],
    ['a file that ends in an odd byte', 'caf\u00e9', '\n'],
  ]
  for (const [what, text, separator] of before) {
    it(`appends to ${what} and changes nothing that is there`, async () => {
      writeFileSync(file, text)
      await remember()
      assert.equal(readFileSync(file, 'utf8'), `${text}${separator}${line}`)
    })
  }

  it('makes the file, and a directory nobody else may enter', async () => {
    file = join(folder, 'home', '.ssh', 'known_hosts')
    await remember()
    assert.equal(readFileSync(file, 'utf8'), line)
    if (process.platform !== 'win32') {
      assert.equal(statSync(join(folder, 'home', '.ssh')).mode & 0o777, 0o700)
      assert.equal(statSync(file).mode & 0o777, 0o600)
    }
  })

  it('leaves the mode of a file as it is', async () => {
    writeFileSync(file, '', { mode: 0o644 })
    const { mode } = statSync(file)
    await remember()
    assert.equal(statSync(file).mode, mode)
  })

  it('hashes the name, with a salt of its own each time', async () => {
    await remember(true)
    await remember(true)
    const [first = '', second = ''] = readFileSync(file, 'utf8').split('\n')
    assert.match(first, /^\|1\|[\w+/]{27}=\|[\w+/]{27}= ssh-ed25519 /)
    assert.notEqual(first, second)
    assert.ok(parseKnownHosts(first, file)[0]?.matches('dev.example.com'))
  })

  for (const start of ['', 'no line break at the end']) {
    it(`keeps every line when ten windows learn a host at once (${start || 'an empty file'})`, async () => {
      writeFileSync(file, start)
      const names = Array.from({ length: 10 }, (_, index) => `host${index}.example.com`)
      await Promise.all(names.map((name) => rememberHostKey({ file, name, key, hashed: false })))
      const found = parseKnownHosts(readFileSync(file, 'utf8'), file)
      for (const name of names) assert.equal(found.filter((host) => host.matches(name)).length, 1, name)
      assert.ok(readFileSync(file, 'utf8').startsWith(start))
    })
  }

  it('tells of a file that cannot be written', async () => {
    mkdirSync(file)
    await assert.rejects(remember(), { code: 'EISDIR' })
  })
})

describe('readKnownHosts', () => {
  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  it('reads the files in their order, and passes over those that are not there', async () => {
    const folder = scope.tempDir('known-hosts')
    const [user, absent, global] = ['user', 'absent', 'global'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(user, `\ndev ${publicKeyLine('rsa-a')}\n`)
    writeFileSync(global, `dev ${publicKeyLine('ed25519-a')}\n`)
    const hosts = await readKnownHosts([user, absent, folder, global])
    assert.deepEqual(
      hosts.map((host) => [host.file, host.line, host.key.type]),
      [
        [user, 2, 'ssh-rsa'],
        [global, 1, 'ssh-ed25519'],
      ],
    )
  })
})
