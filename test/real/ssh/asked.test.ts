import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SshSettings } from '../../../src/ssh/settings'
import { resolveSshSettings } from '../../../src/ssh/sshConfig'
import { CollectedLog } from '../../support/collectedLog'
import { logIn } from '../../support/logIn'
import { Scope } from '../../support/scope'
import { startSshd, type SshdOptions } from '../../support/sshd'
import { setEnvironment } from '../../unit/ssh/environment'

describe('a connection as ssh_config asks for it', () => {
  let scope: Scope
  let restore: () => void
  beforeEach(() => {
    scope = new Scope()
    restore = () => undefined
  })
  afterEach(async () => {
    restore()
    await scope.close()
  })

  /** Logs in to a server as the lines of `config` say; the algorithms that came of it, and the server's port. */
  async function connect(config: readonly string[], server: SshdOptions = {}) {
    const sshd = await startSshd(scope, server)
    const key = await sshd.newClientKey()
    const home = scope.tempDir('asked')
    mkdirSync(join(home, '.ssh'))
    writeFileSync(
      join(home, '.ssh', 'known_hosts'),
      `${sshd.knownHostsLine.replaceAll('127.0.0.1', 'dev')}\n`,
    )
    const lines = [
      ...config,
      'Host dev',
      ...['HostName 127.0.0.1', `Port ${sshd.port}`, `User ${sshd.user}`, `IdentityFile ${key.path}`],
      ...[`HostKeyAlias [dev]:${sshd.port}`, 'StrictHostKeyChecking yes', 'IdentityAgent none'],
    ]
    writeFileSync(join(home, '.ssh', 'config'), `${lines.join('\n')}\n`, { mode: 0o600 })
    restore = setEnvironment({ HOME: home })
    const settings: SshSettings = await resolveSshSettings({ host: 'dev' }, new CollectedLog())
    const log = new CollectedLog()
    const transport = await logIn(scope, settings, log)
    transport.dispose()
    return { negotiated: /negotiated: (.*)/.exec(log.text)?.[1] ?? '', sshd }
  }

  it('prefers GCM where nothing is asked for, and says what was negotiated', async () => {
    const { negotiated } = await connect([])
    assert.match(negotiated, /"kex":"curve25519-sha256.*"aes128-gcm@openssh\.com"/)
  })

  it('uses the ciphers, key exchange, MACs and host key types of the configuration', async () => {
    const { negotiated } = await connect(
      [
        'Ciphers aes192-ctr',
        'KexAlgorithms ecdh-sha2-nistp384',
        'MACs hmac-sha2-512',
        'HostKeyAlgorithms rsa-sha2-256',
      ],
      { hostKeyTypes: ['ed25519', 'rsa'] },
    )
    for (const name of ['aes192-ctr', 'ecdh-sha2-nistp384', 'hmac-sha2-512', 'rsa-sha2-256']) {
      assert.ok(negotiated.includes(`"${name}"`), `${name} in ${negotiated}`)
    }
  })

  const old = ['Ciphers aes256-cbc', 'MACs hmac-sha1', 'KexAlgorithms diffie-hellman-group14-sha1']

  it('does not speak to a server of SHA-1 and CBC', async () => {
    await assert.rejects(connect([], { config: old }), {
      kind: 'handshake-failed',
      advice: /ssh_config can ask for that: "KexAlgorithms \+diffie-hellman-group14-sha1"/,
    })
  })

  it('does where the configuration asks for them', async () => {
    const { negotiated } = await connect(
      ['Ciphers +aes256-cbc', 'MACs hmac-sha1', 'KexAlgorithms +diffie-hellman-group14-sha1'],
      { config: old },
    )
    for (const name of ['aes256-cbc', 'hmac-sha1', 'diffie-hellman-group14-sha1']) {
      assert.ok(negotiated.includes(`"${name}"`), `${name} in ${negotiated}`)
    }
  })

  it('offers nothing else where the configuration leaves nothing', async () => {
    await assert.rejects(connect(['KexAlgorithms sntrup761x25519-sha512@openssh.com']), {
      kind: 'algorithms-missing',
      said: /^kexalgorithms sntrup761x25519-sha512@openssh\.com/,
    })
  })

  it('keeps to the address family', async () => {
    await connect(['Match host 127.0.0.1', '  AddressFamily inet', 'Match all'])
    restore()
    await assert.rejects(connect(['AddressFamily inet6']), {
      hop: 'DNS',
      said: '127.0.0.1 has no address of the family inet6 (AddressFamily)',
    })
  })
})
