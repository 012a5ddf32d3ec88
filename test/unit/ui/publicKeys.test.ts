import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { inHome, keysOfFiles } from '../../../src/ui/publicKeys'

describe('the public keys of a folder', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'keys-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  const blob = Buffer.concat([
    Buffer.from([0, 0, 0, 11]),
    Buffer.from('ssh-ed25519'),
    Buffer.from([0, 0, 0, 32]),
    Buffer.alloc(32, 7),
  ]).toString('base64')
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)

  it('are those of its .pub files, with the private half where it lies beside', async () => {
    write('id_ed25519', 'the private key')
    write('id_ed25519.pub', `ssh-ed25519 ${blob} me@laptop\n`)
    write('of-the-agent.pub', `ssh-ed25519 ${blob}\n`)
    const keys = await keysOfFiles(folder)
    assert.deepEqual(
      keys.map(({ comment, place, privateFile }) => [comment, place, privateFile]),
      [
        ['me@laptop', join(folder, 'id_ed25519.pub'), join(folder, 'id_ed25519')],
        ['', join(folder, 'of-the-agent.pub'), undefined],
      ],
    )
  })

  it('leave out what is none: certificates, private keys, folders', async () => {
    write('id_ed25519-cert.pub', `ssh-ed25519-cert-v01@openssh.com ${blob}\n`)
    write('wrong.pub', '-----BEGIN OPENSSH PRIVATE KEY-----\n')
    write('config', 'Host x\n')
    mkdirSync(join(folder, 'folder.pub'))
    assert.deepEqual(await keysOfFiles(folder), [])
  })

  it('are none where there is no folder', async () =>
    assert.deepEqual(await keysOfFiles(join(folder, 'nowhere')), []))

  it('are named from the home folder', () => {
    assert.equal(inHome(join(homedir(), '.ssh', 'id')), '~/.ssh/id')
    assert.equal(inHome(`${homedir()}-other/id`), `${homedir()}-other/id`)
    assert.equal(inHome('/etc/keys/id'), '/etc/keys/id')
  })
})
