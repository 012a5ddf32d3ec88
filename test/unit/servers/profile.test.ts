import assert from 'node:assert/strict'
import { fillIn, isNamed, type ServerProfile } from '../../../src/servers/profile'
import { configuredServer } from '../../../src/servers/server'
import { silentLog } from '../../../src/base/log'
import { expandHome } from '../../../src/ssh/sshConfig'

const profile = (changes: Partial<ServerProfile> = {}): ServerProfile => ({
  id: 'my-vps',
  ssh: 'ada@dev.example.com',
  destination: { user: 'ada', host: 'dev.example.com' },
  bind: { kind: 'unix', path: '/run/expose/{name}.sock' },
  publicUrl: 'https://{name}.dev.example.com',
  tls: 'server',
  ...changes,
})

describe('fillIn', () => {
  it('puts the name into the socket and the URL, wherever it stands', () => {
    const doubled = profile({
      bind: { kind: 'unix', path: '/run/{name}/{name}.sock' },
      publicUrl: 'https://{name}.dev.example.com/{name}',
    })
    assert.deepEqual(fillIn(doubled, 'my-app-3000'), {
      bind: { kind: 'unix', path: '/run/my-app-3000/my-app-3000.sock' },
      publicUrl: 'https://my-app-3000.dev.example.com/my-app-3000',
    })
  })

  it('leaves an address as it is', () => {
    const bind = { kind: 'tcp', host: '127.0.0.1', port: 8080 } as const
    const one = profile({ bind, publicUrl: 'https://dev.example.com' })
    assert.deepEqual(fillIn(one, 'my-app-3000'), { bind, publicUrl: 'https://dev.example.com' })
  })

  it('takes the 107 bytes of a unix socket’s path, and no more, counted as bytes', () => {
    const path = (text: string) => profile({ bind: { kind: 'unix', path: text } })
    assert.ok(fillIn(path(`/${'x'.repeat(100)}/{name}`), 'n'.repeat(5)))
    for (const [text, name] of [
      [`/${'x'.repeat(100)}/{name}`, 'n'.repeat(6)],
      [`/${'é'.repeat(54)}`, 'n'],
    ] as const) {
      assert.throws(() => fillIn(path(text), name), {
        kind: 'socket-path-too-long',
        hop: 'settings',
        canHeal: false,
        advice: /"my-vps"/,
      })
    }
  })
})

describe('isNamed', () => {
  it('is so when each tunnel has a URL of its own', () => {
    assert.equal(isNamed(profile()), true)
    assert.equal(isNamed(profile({ publicUrl: 'https://dev.example.com' })), false)
  })
})

describe('configuredServer', () => {
  it('offers only the key that the profile names', async () => {
    const settings = await configuredServer(profile({ identityFile: '~/.ssh/the one' }), silentLog).settings()
    assert.deepEqual(settings.identityFiles, [expandHome('~/.ssh/the one')])
    assert.equal(settings.identitiesOnly, true)
    assert.equal(settings.user, 'ada')
  })

  it('leaves the keys to ssh_config where the profile names none', async () => {
    const settings = await configuredServer(profile(), silentLog).settings()
    assert.equal(settings.hostName, 'dev.example.com')
    assert.notDeepEqual(settings.identityFiles, [])
  })
})
