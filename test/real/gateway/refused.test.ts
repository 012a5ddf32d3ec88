import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isCancelled, type Failure } from '../../../src/base/failure'
import type { ScriptLine } from '../../../src/servers/prepare/output'
import type { GatewayRequest } from '../../../src/servers/prepare/request'
import type { Transport } from '../../../src/ssh/transport'
import { startGatewayWorld, type GatewayWorld } from '../../support/gatewayWorld'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'

describe('Prepare a Server: what stops it leaves the server as it was', function () {
  this.timeout(120_000)

  const never = new AbortController().signal
  let scope: Scope
  let world: GatewayWorld
  let request: GatewayRequest
  let root: Transport
  let bare: string[]

  before(async function () {
    this.timeout(300_000)
    scope = new Scope()
    world = await startGatewayWorld(scope)
    request = { domain: 'dev.example.com', publicKeys: [world.key.publicKey] }
    root = await world.login('root')
    bare = world.server.etc()
  })
  after(() => scope.close())

  async function install(changes: Partial<GatewayRequest> = {}): Promise<unknown> {
    return world.script(root).install({ ...request, ...changes }, never)
  }

  /** As it was, apart from what a test did itself; which is then undone. */
  async function isAsBefore() {
    assert.deepEqual(world.server.etc(), bare)
    const left =
      'ls -d /var/lib/expose* /run/expose /usr/sbin/policy-rc.d 2>/dev/null; dpkg -l caddy; id expose; true'
    assert.match(await world.server.sh(left), /^dpkg-query: no packages found[^]*no such user\n$/)
  }

  /** Changes a file of the server for as long as `during` takes. */
  async function withFile(path: string, change: string, during: () => Promise<void>) {
    await world.server.sh(`cp -p ${path} /var/tmp/kept; ${change}`)
    try {
      await during()
    } finally {
      await world.server.sh(`cp -p /var/tmp/kept ${path}; rm /var/tmp/kept`)
    }
  }

  const saying = (kind: string, message: RegExp, advice: RegExp) => (error: Failure) => {
    assert.equal(error.kind, kind, error.message)
    assert.match(error.message, message)
    assert.match(error.advice, advice)
    return true
  }

  it('refuses where somebody else has the port', async () => {
    const listener =
      'perl -MIO::Socket::INET -e \'$0 = "nginx"; $s = IO::Socket::INET->new(LocalPort => 80, Listen => 1) or die; print "up\\n"; close STDOUT; sleep 600\''
    await world.server.sh(
      `${listener} >/var/tmp/up 2>&1 & echo $! >/var/tmp/nginx.pid; until grep -q up /var/tmp/up; do sleep 0.1; done`,
    )
    try {
      const refused = saying(
        'preparation-refused',
        /^Port 80 is in use by nginx \(process \d+\)\.$/,
        /Stop nginx if it is not needed/,
      )
      await assert.rejects(install(), refused)
    } finally {
      await world.server.sh('kill "$(cat /var/tmp/nginx.pid)"; rm /var/tmp/nginx.pid /var/tmp/up')
    }
    await isAsBefore()
  })

  it('refuses where sshd is broken already, and says how', async () => {
    await withFile('/etc/ssh/sshd_config', 'echo Nonsense yes >>/etc/ssh/sshd_config', async () => {
      await assert.rejects(install(), (error: Failure) => {
        assert.match(error.message, /has a fault already \(sshd -t\), so nothing was changed/)
        assert.match(error.said ?? '', /Bad configuration option: Nonsense/)
        return true
      })
    })
    await isAsBefore()
  })

  it('refuses where the settings would have no effect', async () => {
    const config = '/etc/ssh/sshd_config'
    await withFile(config, `sed -i '/^Include/d' ${config}`, () =>
      assert.rejects(install(), saying('preparation-refused', /does not include/, /at its top.*: Include/)),
    )
    await withFile(config, `echo 'AllowUsers root admin' >>${config}`, () =>
      assert.rejects(
        install(),
        saying(
          'preparation-refused',
          /not let the user "expose" log in, because of allowusers/,
          /Correct allowusers/,
        ),
      ),
    )
    // Found out only once the settings are in place: another block comes first.
    await withFile(config, `sed -i '1i Match User expose\\n    Banner none\\nMatch all' ${config}`, () =>
      assert.rejects(
        install(),
        saying('preparation-refused', /do not reach the user "expose"/, /Everything was taken back/),
      ),
    )
    await isAsBefore()
  })

  it('takes everything back when Caddy does not accept its settings', async () => {
    writeFileSync(join(world.server.root, 'var/tmp/broken.pem'), '-----BEGIN CERTIFICATE-----\n')
    const acmeDirectory = 'https://192.0.2.1/dir'
    await assert.rejects(install({ acmeDirectory, acmeCa: '/var/tmp/broken.pem' }), (error: Failure) => {
      assert.match(error.message, /^Caddy does not accept the new settings \(caddy validate\)/)
      assert.match(error.said ?? '', /broken|acme-ca\.pem|certificate/i)
      assert.match(error.advice, /Everything was taken back: the server is as it was before\.$/)
      return true
    })
    await isAsBefore()
  })

  it('takes everything back when the person changes their mind', async () => {
    const ended = new AbortController()
    const onLine = (line: ScriptLine) => {
      if (line.kind === 'step' && line.title.includes('Create the locked user')) ended.abort()
    }
    await assert.rejects(world.script(root, { onLine }).install(request, ended.signal), isCancelled)
    await isAsBefore()
    assert.ok(root.isOpen)
    await assert.rejects(world.script(root).plan(request, AbortSignal.abort()), isCancelled)
  })

  it('takes everything back when the connection is lost', async () => {
    const other = await world.login('nopass')
    const onLine = (line: ScriptLine) => {
      if (line.kind === 'detail' && line.text.includes('Setting up caddy')) other.dispose()
    }
    await assert.rejects(world.script(other, { onLine }).install(request, never), {
      kind: 'preparation-interrupted',
    })
    await waitUntil(
      'the server to be as it was',
      async () => (await world.server.attempt('test ! -e /var/lib/expose-gateway')).code === 0,
      30_000,
    )
    await isAsBefore()
  })

  it('says why somebody cannot become root, and sends the script to nobody else', async () => {
    const as = async (user: string, ask?: () => Promise<string | undefined>) => {
      const transport = await world.login(user)
      try {
        await world.script(transport, ask === undefined ? {} : { ask }).install(request, never)
      } finally {
        transport.dispose()
      }
    }
    await assert.rejects(
      as('guest'),
      saying('sudo-not-allowed', /guest may not become root/, /usermod -aG sudo guest/),
    )
    let asked = 0
    const wrong = () => Promise.resolve(`wrong ${++asked}`)
    await assert.rejects(as('admin', wrong), { kind: 'sudo-password-wrong' })
    assert.equal(asked, 3)
    await assert.rejects(
      as('admin', () => Promise.resolve(undefined)),
      isCancelled,
    )
    await world.server.sh('mv /usr/bin/sudo /usr/bin/sudo.away')
    await assert.rejects(as('admin'), { kind: 'sudo-missing' })
    await world.server.sh('mv /usr/bin/sudo.away /usr/bin/sudo')
    const noShell = "sed -i '/^guest:/s|/bin/bash$|/usr/sbin/nologin|' /etc/passwd"
    await withFile('/etc/passwd', noShell, () =>
      assert.rejects(
        as('guest'),
        saying('no-shell', /did not run a command as a shell does/, /has a shell there/),
      ),
    )
    await isAsBefore()
  })

  describe('a server that is a gateway already', () => {
    before(async () => {
      await install()
    })

    it('stays the gateway it was when a change fails', async () => {
      const etc = world.server.etc({ times: false })
      const changes = {
        domain: 'other.example.com',
        acmeDirectory: 'https://192.0.2.1/dir',
        acmeCa: '/var/tmp/broken.pem',
      }
      await assert.rejects(install(changes), /Caddy does not accept the new settings/)
      assert.deepEqual(world.server.etc(), etc)
      const { domain, isCaddyRunning } = await world.script(root).status(never)
      assert.deepEqual({ domain, isCaddyRunning }, { domain: 'dev.example.com', isCaddyRunning: true })
    })

    it('is prepared by one person at a time', async () => {
      await world.server.sh(
        `flock /var/lib/expose-gateway sh -c 'echo $$ >/var/tmp/holder; exec sleep 600' >/dev/null 2>&1 &
        until [ -s /var/tmp/holder ]; do sleep 0.1; done`,
      )
      try {
        await assert.rejects(install(), /Somebody else is preparing this server at this moment/)
      } finally {
        await world.server.sh('kill "$(cat /var/tmp/holder)"; rm /var/tmp/holder')
        await waitUntil('the lock to be free', async () => {
          return (await world.server.attempt('flock -n /var/lib/expose-gateway true')).code === 0
        })
      }
    })

    it('cannot be prepared by the locked user', async () => {
      const locked = await world.login('expose')
      await assert.rejects(world.script(locked).install(request, never), { kind: 'no-commands' })
      locked.dispose()
    })

    it('says what could not be put back, and does so the next time', async () => {
      await withFile(
        '/usr/sbin/userdel',
        "printf '#!/bin/sh\necho no >&2; exit 1\n' >/usr/sbin/userdel",
        () =>
          assert.rejects(
            world.script(root).uninstall(never),
            saying(
              'preparation-refused',
              /^Not everything could be put back\.$/,
              /run uninstall again\. .*This could not be taken back: account expose/,
            ),
          ),
      )
      const { summary } = await world.script(root).uninstall(never)
      assert.equal(summary, 'the server is as it was before')
      await isAsBefore()
      await install()
    })

    it('keeps what others need by now when it is put back', async () => {
      await world.server.sh(
        'mkdir -p /var/tmp/needs/DEBIAN; printf "Package: needs\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\nDepends: media-types\\n" >/var/tmp/needs/DEBIAN/control; dpkg-deb -b /var/tmp/needs /var/tmp/needs.deb; dpkg -i /var/tmp/needs.deb',
      )
      const { warnings } = await world.script(root).uninstall(never)
      assert.deepEqual(warnings, ['Still needed by other packages, so kept: media-types'])
      await world.server.sh('dpkg --purge needs media-types; rm -r /var/tmp/needs /var/tmp/needs.deb')
      await isAsBefore()
    })
  })
})
