import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { probeGatewayPorts, saysOverridden } from '../../../src/ssh/gatewayPorts'
import type { Transport } from '../../../src/ssh/transport'
import { CollectedLog } from '../../support/collectedLog'
import { startDropbear } from '../../support/dropbear'
import { logIn } from '../../support/logIn'
import { Scope } from '../../support/scope'
import { startSshd, type ClientKey, type Sshd } from '../../support/sshd'
import { generateKey } from '../../support/sshKeys'
import { loginTo } from '../../support/world'

describe('GatewayPorts, found out without a shell', () => {
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  const cases: readonly (readonly [
    string,
    readonly string[],
    Awaited<ReturnType<typeof probeGatewayPorts>>,
  ])[] = [
    ['as sshd comes', [], 'no'],
    ['no', ['GatewayPorts no'], 'no'],
    ['yes', ['GatewayPorts yes'], 'yes'],
    ['clientspecified', ['GatewayPorts clientspecified'], 'clientspecified'],
    ['yes for this user only', ['Match User *', 'GatewayPorts yes'], 'yes'],
    ['forwards disabled', ['GatewayPorts yes', 'AllowTcpForwarding no'], undefined],
    ['local forwards only', ['GatewayPorts yes', 'AllowTcpForwarding local'], undefined],
    ['nothing may be listened on', ['GatewayPorts yes', 'PermitListen none'], undefined],
    ['one port may be listened on', ['GatewayPorts yes', 'PermitListen 8080'], undefined],
  ]
  for (const [what, config, expected] of cases) {
    it(`${what}: ${expected ?? 'cannot be told'}`, async () => {
      const sshd = await startSshd(scope, { config })
      const transport = await login(sshd, await sshd.newClientKey())
      assert.equal(await probeGatewayPorts(transport), expected)
      assert.deepEqual(await sshd.listeners(), [], 'what was asked for is given back')
      assert.equal(transport.isOpen, true)
    })
  }

  it('is not mixed up with what else is asked for at the same time', async () => {
    const sshd = await startSshd(scope, { config: ['GatewayPorts yes'] })
    const transport = await login(sshd, await sshd.newClientKey())
    const [first, forward, second] = await Promise.all([
      probeGatewayPorts(transport),
      transport.forward({ kind: 'tcp', host: '127.0.0.1', port: 0 }, () => undefined),
      probeGatewayPorts(transport),
    ])
    assert.deepEqual([first, second], ['yes', 'yes'])
    assert.equal(saysOverridden(forward.serverMessages), true, 'a loopback request became public')
  })

  it('answers nothing where the connection ends meanwhile', async () => {
    const sshd = await startSshd(scope)
    const transport = await login(sshd, await sshd.newClientKey())
    await sshd.stop()
    assert.equal(await probeGatewayPorts(transport), undefined)
  })

  it('dropbear, which listens on loopback whatever is asked for: no', async () => {
    const dropbear = await startDropbear(scope)
    const path = join(scope.tempDir('key'), 'key')
    const key: ClientKey = {
      path,
      publicKey: await generateKey({ path, type: 'ed25519', comment: 'client' }),
    }
    dropbear.authorize(key.publicKey)
    assert.equal(await probeGatewayPorts(await login(dropbear, key)), 'no')
  })

  async function login(
    server: Pick<Sshd, 'host' | 'port' | 'user' | 'knownHostsLine'>,
    key: ClientKey,
  ): Promise<Transport> {
    const knownHostsFile = join(scope.tempDir('known-hosts'), 'known_hosts')
    writeFileSync(knownHostsFile, `${server.knownHostsLine}\n`)
    const transport = await logIn(scope, loginTo(server, { key, knownHostsFile }), new CollectedLog())
    return transport
  }
})
