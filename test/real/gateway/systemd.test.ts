import assert from 'node:assert/strict'
import type { GatewayRequest } from '../../../src/servers/prepare/request'
import { startGatewayWorld, type GatewayWorld } from '../../support/gatewayWorld'
import { Scope } from '../../support/scope'

describe('Prepare a Server, where systemd runs it', function () {
  this.timeout(120_000)

  const never = new AbortController().signal
  let scope: Scope
  let world: GatewayWorld
  let request: GatewayRequest

  before(async function () {
    this.timeout(300_000)
    scope = new Scope()
    world = await startGatewayWorld(scope, { systemd: true })
    request = { domain: 'dev.example.com', publicKeys: [world.key.publicKey] }
  })
  after(() => scope.close())

  const show = async (unit: string) =>
    Object.fromEntries(
      (await world.server.sh(`systemctl show -p MainPID,ActiveState,UnitFileState ${unit}`))
        .trim()
        .split('\n')
        .map((line) => line.split('=')),
    ) as { MainPID: string; ActiveState: string; UnitFileState: string }

  it('uses its services, restarts none, and puts all of it back', async () => {
    const bare = world.server.etc()
    const sshd = await show('ssh')
    const failed = await world.server.sh('systemctl --failed --no-legend')
    const admin = await world.login('admin')
    const script = world.script(admin)
    await script.install(request, never)
    assert.deepEqual(await show('ssh'), sshd)
    const caddy = await show('caddy')
    assert.deepEqual(
      { ...caddy, MainPID: '' },
      { MainPID: '', ActiveState: 'active', UnitFileState: 'enabled' },
    )
    const locked = await world.login('expose')
    assert.equal(locked.banner.trim(), 'expose-gateway v=1 base=dev.example.com dir=/run/expose')
    locked.dispose()

    await script.install(request, never)
    await script.install({ ...request, domain: 'other.example.com' }, never)
    assert.deepEqual(await show('caddy'), caddy)
    assert.deepEqual(await show('ssh'), sshd)

    // What a restart of the machine leaves: nothing in /run.
    await world.server.sh('rm -r /run/expose; systemd-tmpfiles --create expose.conf')
    assert.equal(await world.server.sh('stat -c "%a %U %G" /run/expose'), '2750 expose caddy\n')

    await script.uninstall(never)
    assert.deepEqual(world.server.etc(), bare)
    assert.deepEqual(await show('ssh'), sshd)
    assert.equal((await world.server.attempt('systemctl status caddy')).code, 4) // no such unit
    assert.equal(await world.server.sh('systemctl --failed --no-legend'), failed)
    assert.equal((await admin.run('echo still here')).trim(), 'still here')
    admin.dispose()
  })

  it('takes over a Caddy that nobody has set up, and gives it back as it was', async () => {
    await world.server.sh(
      'apt-get -qq update; apt-get -qq install -y --no-install-recommends caddy >/dev/null',
    )
    const before = world.server.etc()
    const root = await world.login('root')
    const script = world.script(root)
    await world.server.sh('echo "# mine" >>/etc/caddy/Caddyfile')
    await assert.rejects(
      script.install(request, never),
      /Caddy is set up here already: \/etc\/caddy\/Caddyfile has been/,
    )
    await world.server.sh("sed -i '$d' /etc/caddy/Caddyfile")

    await script.install(request, never)
    assert.equal((await script.status(never)).isCaddyRunning, true)
    await script.uninstall(never)
    assert.deepEqual(world.server.etc(), before)
    const { ActiveState, UnitFileState } = await show('caddy')
    assert.deepEqual({ ActiveState, UnitFileState }, { ActiveState: 'active', UnitFileState: 'enabled' })
    await world.server.sh('apt-get -qq purge -y caddy >/dev/null')
    root.dispose()
  })
})
