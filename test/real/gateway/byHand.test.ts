import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandByHand } from '../../../src/servers/prepare/describe'
import { scriptPath, startGatewayWorld, type GatewayWorld } from '../../support/gatewayWorld'
import { Scope } from '../../support/scope'

describe('prepare-gateway.sh, run by hand on the server', function () {
  this.timeout(120_000)

  let scope: Scope
  let world: GatewayWorld
  let bare: string[]

  before(async function () {
    this.timeout(300_000)
    scope = new Scope()
    world = await startGatewayWorld(scope)
    copyFileSync(scriptPath, join(world.server.root, 'home/nopass/prepare-gateway.sh'))
    bare = world.server.etc()
    const command = commandByHand({ domain: 'dev.example.com', publicKeys: [world.key.publicKey] })
    const { code, output } = await byHand(command)
    assert.equal(code, 0, output)
    assert.match(output, /^warning: \*\.dev\.example\.com does not resolve/m)
    assert.match(output, /^done: https:\/\/NAME\.dev\.example\.com leads to tunnels/m)
  })
  after(() => scope.close())

  /** Over OpenSSH's client, by somebody who may use sudo. */
  function byHand(command: string) {
    return world.ssh('nopass', world.key, [], command)
  }

  it('prepares the server, and says so', async () => {
    const { output } = await byHand('sudo sh prepare-gateway.sh status')
    assert.match(
      output,
      /^prepared: yes\ndomain: dev\.example\.com\ndirectory: \/run\/expose\ncaddy: running\nsshd: set up\nkey: 256 SHA256:/,
    )
    const locked = await world.ssh('expose', world.key, [], 'id')
    assert.match(locked.output, /^expose-gateway v=1 base=dev\.example\.com dir=\/run\/expose$/m)
  })

  it('explains itself, and does nothing with what it does not understand', async () => {
    const etc = world.server.etc({ times: true })
    const key = `'${world.key.publicKey}'`
    const wrong: readonly [string, RegExp][] = [
      ['frobnicate', /sh prepare-gateway\.sh install/],
      ['install', /install needs --domain/],
      ['install --domain', /--domain needs a value/],
      ['install --frob x', /There is no option "--frob"/],
      ["install --domain 'dev.example.com; reboot'", /letters, digits, dots and dashes only/],
      ["install --domain 'dev.example.com\nx'", /letters, digits, dots and dashes only/],
      ['install --domain com', /is not a domain such as/],
      ['install --domain 192.0.2.1', /is not a domain such as/],
      ['install --domain -x.example.com', /is not a domain such as/],
      [`install --domain ${'a'.repeat(64)}.example.com`, /is not a domain such as/],
      ['add-key --key \'command="id" ssh-ed25519 AAAA\'', /A key begins with its type/],
      ["add-key --key 'ssh-ed25519 AAAA'", /This is not a public key/],
      ["add-key --key 'ssh-ed25519 $(reboot)'", /This is not a public key/],
      [`add-key --key '${world.key.publicKey}\n${world.key.publicKey}'`, /A key is one line/],
      [`install --domain a.example.com --key ${key} --email 'x@y}'`, /not an email address/],
      [`install --domain a.example.com --key ${key} --email '@'`, /not an email address/],
      [
        `install --domain a.example.com --key ${key} --acme-directory 'https://x/{y}'`,
        /not an https:\/\/ URL/,
      ],
      [`install --domain a.example.com --key ${key} --acme-directory http://x`, /not an https:\/\/ URL/],
      [`install --domain a.example.com --key ${key} --acme-ca /etc/passwd`, /holds no certificate/],
    ]
    for (const [args, said] of wrong) {
      const { code, output } = await world.server.attempt(`sh /home/nopass/prepare-gateway.sh ${args}`)
      assert.notEqual(code, 0, args)
      assert.match(output, said, args)
    }
    const { code, output } = await byHand('sh prepare-gateway.sh --help')
    assert.equal(code, 0)
    assert.match(output, /uninstall +puts back what was there before/)
    assert.match(
      (await byHand('sh prepare-gateway.sh status')).output,
      /^error: This needs root\.\nadvice: Run it with sudo/,
    )
    assert.deepEqual(world.server.etc({ times: true }), etc)
  })

  it('is undone by hand', async () => {
    const { code, output } = await byHand('sudo sh prepare-gateway.sh uninstall')
    assert.equal(code, 0, output)
    assert.deepEqual(world.server.etc(), bare)
  })
})
