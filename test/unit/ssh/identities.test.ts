import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatherIdentities, TypedSecrets } from '../../../src/ssh/identities'
import type { SshSettings } from '../../../src/ssh/settings'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { keysAnswer, startFakeAgent } from '../../support/fakeAgent'
import { pkcs8Ed25519 } from '../../support/keyFormats'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { loginTo } from '../../support/world'

describe('gatherIdentities', () => {
  let scope: Scope
  let directory: string
  beforeEach(() => {
    scope = new Scope()
    directory = scope.tempDir('keys')
  })
  afterEach(() => scope.close())

  async function labels(changes: Partial<SshSettings>): Promise<string[]> {
    const nobody = { path: '', publicKey: '' }
    const server = { host: '127.0.0.1', port: 22, user: 'ada' } as const
    const identities = await gatherIdentities({
      settings: { ...loginTo(server, { key: nobody, knownHostsFile: '' }), identityFiles: [], ...changes },
      prompts: scriptedPrompts(),
      secrets: new TypedSecrets(),
      clock: new FakeClock(),
      log: new CollectedLog(),
      signal: new AbortController().signal,
      asking: (ask) => ask(),
    })
    return identities.map(({ label }) => label.replace(directory, ''))
  }

  /** A private key with its public half beside it. */
  function newKey(name: string): { path: string; line: string } {
    const { pem, publicKey } = pkcs8Ed25519()
    const path = join(directory, name)
    writeFileSync(path, pem)
    writeFileSync(`${path}.pub`, publicKey)
    return { path, line: `${publicKey} ${name}` }
  }

  it('has the order of OpenSSH: named in the agent, others in the agent, files the agent does not hold', async () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(newKey)
    const identityAgent = await startFakeAgent(scope, (_message, socket) =>
      socket.write(keysAnswer(a!.line, b!.line, c!.line)),
    )
    const identityFiles = [d!.path, join(directory, 'none'), c!.path]
    const all = await labels({ identityAgent, identityFiles, identitiesOnly: false })
    assert.deepEqual(all, ['c (agent)', 'a (agent)', 'b (agent)', '/d'])
    const only = await labels({ identityAgent, identityFiles, identitiesOnly: true })
    assert.deepEqual(only, ['c (agent)', '/d'])
    assert.deepEqual(await labels({ identityFiles }), ['/d', '/c'])
  })

  it('has the key made for a server alone', async () => {
    const { path } = newKey('a')
    const fixedIdentity = pkcs8Ed25519().pem
    assert.deepEqual(await labels({ identityFiles: [path], fixedIdentity }), ['the key made for it'])
  })
})
