import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import { serviceNames, type ServiceName, type ServiceProfile } from '../../../src/servers/profile'
import { adapterOf } from '../../../src/servers/services/adapters'
import { startEchoApp } from '../../support/apps'
import { Scope } from '../../support/scope'
import { startTunnelService } from '../../support/tunnelService'
import { checkAll, makeLargeFile } from '../../support/visitor'
import { launchChromium } from '../../support/vscode/chromium'
import { loginTo, startWorld, type World } from '../../support/world'

/** Their names lead here, at the port that their URLs mean. */
const front = { host: '127.0.53.7', port: 443 }

describe('a tunnel through each service', function () {
  this.timeout(120_000)
  const scope = new Scope()
  let world: World
  let browser: BrowserContext
  let large: string

  before(async () => {
    world = await startWorld(scope)
    browser = await launchChromium(scope, { hostRules: [`MAP * ${front.host}`] })
    large = await makeLargeFile(scope)
  })
  after(() => scope.close())

  for (const name of serviceNames) {
    it(`${name}: is checked, and carries all that visitors do`, async () => {
      const own = new Scope()
      try {
        await visitAll(own, name)
      } finally {
        await own.close()
      }
    })
  }

  async function visitAll(own: Scope, name: ServiceName): Promise<void> {
    const app = await startEchoApp(own)
    const service = await startTunnelService(own, { service: name, ca: world.ca, frontAddress: front })
    service.knownKeys.push(world.key.publicKey)
    const knownHostsFile = join(own.tempDir('known'), 'known_hosts')
    writeFileSync(knownHostsFile, `${service.knownHostsLine}\n`)
    const user = adapterOf(name).user.withoutKey ?? 'me'
    const { host, port } = service
    const settings = loginTo({ host, port, user }, { key: world.key, knownHostsFile })
    const profile: ServiceProfile = {
      ...({ kind: 'service', id: name, ssh: `${user}@${host}:${port}`, service: name } as const),
      destination: { user, host, port },
      ...(name === 'sish' ? { domain: service.domain } : {}),
    }
    const tunnels = world.tunnels(undefined, { lookup: leadsToFront })
    own.add(() => tunnels.stopAll())
    const tunnel = await tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server: { profile, settings: () => Promise.resolve(settings), ca: world.ca.certPem },
      name: 'my-app-3000',
      signal: new AbortController().signal,
    })
    assert.ok(tunnel.state.kind === 'open', JSON.stringify(tunnel.state))
    assert.equal(tunnel.state.check, 'passed')
    const outsider = { url: tunnel.publicUrl!, h2: false, ca: world.ca, address: front.host }
    await checkAll(outsider, { browser, large })
  }
})

const leadsToFront: LookupFunction = (_hostname, options, callback) => {
  if (options.all === true) callback(null, [{ address: front.host, family: 4 }])
  else callback(null, front.host, 4)
}
