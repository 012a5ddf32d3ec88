import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { SshSettings } from '../../../src/ssh/settings'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { deterministicBytes, deterministicSha256, startEchoApp } from '../../support/apps'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { startSshd } from '../../support/sshd'
import { findTool } from '../../support/tools'
import { loginTo, startWorld, type World } from '../../support/world'

const signal = new AbortController().signal
const size = 6_000_000
const sha256 = deterministicSha256(size)

for (const channels of ['own', 'ssh2'] as const) {
  describe(`new keys while visitors send and get, by channels of ${channels}`, () => {
    let scope: Scope

    beforeEach(() => {
      scope = new Scope()
    })
    afterEach(() => scope.close())

    const start = (cipher: string, rekeyLimit: string) =>
      startWorld(scope, {
        channels,
        isVerbose: false,
        config: [`RekeyLimit ${rekeyLimit}`, `Ciphers ${cipher}`, 'MACs hmac-sha2-256-etm@openssh.com'],
      })

    for (const [cipher, rekeyLimit] of [
      ['aes128-gcm@openssh.com', '1M'],
      ['aes256-gcm@openssh.com', '1M 1s'],
      ['aes128-ctr', '1M'],
    ] as const) {
      it(`${cipher}, RekeyLimit ${rekeyLimit}: every byte arrives`, async () => {
        const world = await start(cipher, rekeyLimit)
        await carriesAll(world, await open(world))
      })
    }

    it('every byte arrives through a jump host that changes its keys too', async () => {
      const world = await start('aes128-gcm@openssh.com', '1M')
      const jump = await startSshd(scope, { config: ['RekeyLimit 1M'] })
      writeFileSync(world.knownHostsFile, `${world.sshd.knownHostsLine}\n${jump.knownHostsLine}\n`)
      const login = loginTo(jump, { key: await jump.newClientKey(), knownHostsFile: world.knownHostsFile })
      await carriesAll(world, await open(world, { proxyJump: ['jump'] }, login))
    })

    it('every byte arrives through a ProxyCommand', async () => {
      const world = await start('aes256-gcm@openssh.com', '1M')
      const jump = await startSshd(scope)
      const args = jump.clientArgs(await jump.newClientKey()).join(' ')
      const proxyCommand = `${findTool('ssh')} -W ${world.sshd.host}:${world.sshd.port} ${args}`
      await carriesAll(world, await open(world, { proxyCommand }))
    })

    async function open(
      world: World,
      settings: Partial<SshSettings> = {},
      jump?: SshSettings,
    ): Promise<Tunnel> {
      const app = await startEchoApp(scope)
      const resolve = () =>
        jump === undefined ? Promise.reject(new Error('there is no jump host')) : Promise.resolve(jump)
      return world.tunnels(scriptedPrompts()).open({
        app: { host: 'localhost', port: app.port, protocol: 'tcp' },
        server: { ...world.oneUrl(settings), resolve },
        name: 'keys',
        signal,
      })
    }

    async function carriesAll(world: World, tunnel: Tunnel): Promise<void> {
      let losses = 0
      tunnel.onDidChange((state) => {
        if (state.kind === 'waiting') losses++
      })
      const url = `http://127.0.0.1:${world.tcpBind.port}`
      const body = Buffer.concat(await deterministicBytes(size).toArray())
      const down = async () => {
        const got = await visit(`${url}/bytes?n=${size}`)
        assert.equal(createHash('sha256').update(got.body).digest('hex'), sha256)
      }
      const up = async () => {
        const got = await visit(`${url}/sink`, { method: 'POST', body })
        assert.deepEqual(JSON.parse(got.body.toString()), { bytes: size, sha256 })
      }
      await Promise.all([down(), up(), down(), up(), down(), up()])
      assert.equal(losses, 0)
      const changes = world.sshd.log().match(/set_newkeys: rekeying/g)?.length ?? 0
      assert.ok(changes > 10, `keys were changed ${changes} times`)
      await tunnel.stop()
    }
  })
}
