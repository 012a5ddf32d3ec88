import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { Failure } from '../../../src/base/failure'
import { silentLog } from '../../../src/base/log'
import { parseDestination, type Destination } from '../../../src/ssh/destination'
import type { SshSettings } from '../../../src/ssh/settings'
import { expandHome, parseSshG, resolveSshSettings, settingsFromOptions } from '../../../src/ssh/sshConfig'
import { CollectedLog } from '../../support/collectedLog'
import { Scope } from '../../support/scope'
import { findTool } from '../../support/tools'
import { setEnvironment } from './environment'
import { fixture } from './fixture'

const home = (path: string) => join(homedir(), path)
/** Only the fields that a row names. */
function assertHas(settings: SshSettings, expected: Partial<SshSettings>): void {
  const shown = Object.keys(expected).map((key) => [key, settings[key as keyof SshSettings]])
  assert.deepEqual(Object.fromEntries(shown), expected)
}
const destinationOf = (text: string): Destination => parseDestination(text) ?? assert.fail(text)

describe('parseSshG', () => {
  it('reads a keyword and its value from each line, and several values in their order', () => {
    const options = parseSshG(fixture('ssh_config/ssh-G-dev.txt'))
    assert.deepEqual(options.get('hostname'), ['dev.example.com'])
    assert.deepEqual(options.get('identityfile'), ['~/.ssh/keys/%h_%r', '~/.ssh/my key'])
    assert.equal(options.get('identityfil'), undefined)
    assert.ok(options.size > 40)
  })

  it('reads the CRLF of Windows, and passes over what is not an option', () => {
    assert.deepEqual(
      [...parseSshG('user ada\r\nhostname dev\r\n\r\nkeyword\r\n value\r\nport 22')],
      [
        ['user', ['ada']],
        ['hostname', ['dev']],
        ['port', ['22']],
      ],
    )
  })
})

describe('settingsFromOptions', () => {
  let restore: () => void
  before(
    () => (restore = setEnvironment({ SSH_AUTH_SOCK: '/run/agent.sock', OTHER_AGENT: '/run/other.sock' })),
  )
  after(() => restore())

  const captured: [file: string, destination: string, expected: () => Partial<SshSettings>][] = [
    [
      'dev',
      'dev',
      () => ({
        destination: 'dev',
        hostName: 'dev.example.com',
        port: 2222,
        user: 'deploy',
        identityFiles: [home('.ssh/keys/dev.example.com_deploy'), home('.ssh/my key')],
        identitiesOnly: true,
        identityAgent: '/home/ada/.ssh/agent.sock',
        userKnownHostsFiles: ['/home/ada/.ssh/known hosts', '/srv/known_hosts/dev-alias'],
        globalKnownHostsFiles: [],
        hostKeyAlias: 'dev-alias',
        hashKnownHosts: true,
        strictHostKeyChecking: 'accept-new',
        connectTimeoutMs: 60_000,
        serverAliveIntervalMs: 30_000,
        serverAliveCountMax: 5,
        unsupported: [],
      }),
    ],
    [
      'plain',
      'plain',
      () => ({
        destination: 'plain',
        hostName: 'plain',
        port: 22,
        user: 'ada',
        identitiesOnly: false,
        identityAgent: '/run/agent.sock',
        userKnownHostsFiles: ['/home/ada/.ssh/known_hosts', '/home/ada/.ssh/known_hosts2'],
        globalKnownHostsFiles: ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
        hostKeyAlias: undefined,
        hashKnownHosts: false,
        strictHostKeyChecking: 'ask',
        connectTimeoutMs: 15_000,
        serverAliveIntervalMs: 15_000,
        serverAliveCountMax: 3,
        unsupported: [],
      }),
    ],
    ['inner', 'inner', () => ({ identityAgent: undefined, strictHostKeyChecking: 'no' })],
    [
      'inner',
      'inner',
      () => ({
        unsupported: [
          'certificatefile ~/.ssh/id-cert.pub (ssh2 cannot show a user certificate; the plain key is tried)',
        ],
      }),
    ],
    ['matched', 'ada@matched:22', () => ({ user: 'ada', port: 22 })],
    ['dev', 'root@dev:2200', () => ({ user: 'root', port: 2200, hostName: 'dev.example.com' })],
  ]
  for (const [file, destination, expected] of captured) {
    it(`reads what ssh -G said of ${destination}: ${Object.keys(expected()).join(', ')}`, () =>
      assertHas(
        settingsFromOptions(
          destinationOf(destination),
          parseSshG(fixture(`ssh_config/ssh-G-${file}.txt`)),
          parseSshG(fixture('ssh_config/ssh-G-plain.txt')),
        ),
        expected(),
      ))
  }

  type Row = [line: string, expected: Partial<SshSettings>]
  const rows: Row[] = [
    ['', { hostName: 'dev', port: 22, user: userInfo().username, hostKeyAlias: undefined }],
    [
      '',
      {
        identityFiles: ['rsa', 'ecdsa', 'ecdsa_sk', 'ed25519', 'ed25519_sk'].map((name) =>
          home(`.ssh/id_${name}`),
        ),
      },
    ],
    ['', { userKnownHostsFiles: [home('.ssh/known_hosts'), home('.ssh/known_hosts2')] }],
    ['', { globalKnownHostsFiles: ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'] }],
    ['', { strictHostKeyChecking: 'ask', hashKnownHosts: false, identitiesOnly: false, fixedKnownHosts: [] }],
    ['identityfile none', { identityFiles: [] }],
    ['identityfile ~/.ssh/a b', { identityFiles: [home('.ssh/a b')] }],
    ['identityfile "~/.ssh/a b"', { identityFiles: [home('.ssh/a b')] }],
    ['identityfile /k/%%/%h/%n/%p/%r', { identityFiles: [`/k/%/dev/dev/22/${userInfo().username}`] }],
    ['identityfile %d/.ssh/%u', { identityFiles: [home(`.ssh/${userInfo().username}`)] }],
    ['identityfile ${OTHER_AGENT}.key', { identityFiles: ['/run/other.sock.key'] }],
    ['identityfile /k/${NOT_SET_ANYWHERE}/%Z', { identityFiles: ['/k/${NOT_SET_ANYWHERE}/%Z'] }],
    ['identityagent none', { identityAgent: undefined }],
    ['identityagent SSH_AUTH_SOCK', { identityAgent: '/run/agent.sock' }],
    ['identityagent $OTHER_AGENT', { identityAgent: '/run/other.sock' }],
    ['identityagent ${OTHER_AGENT}', { identityAgent: '/run/other.sock' }],
    ['identityagent $NOT_SET_ANYWHERE', { identityAgent: undefined }],
    ['identityagent ~/agent', { identityAgent: home('agent') }],
    ['userknownhostsfile none', { userKnownHostsFiles: [] }],
    // ssh trusts and remembers nowhere with the one, and refuses every new host with the other.
    ['userknownhostsfile /dev/null', { userKnownHostsFiles: ['/dev/null'] }],
    ['userknownhostsfile /a /b/c ~/d', { userKnownHostsFiles: ['/a', '/b/c', home('d')] }],
    ['userknownhostsfile "/a b" "/c d"', { userKnownHostsFiles: ['/a b', '/c d'] }],
    [
      'userknownhostsfile C:\\Users\\Ada Lovelace/.ssh/known_hosts C:\\Users\\Ada Lovelace/.ssh/known_hosts2',
      {
        userKnownHostsFiles: [
          'C:\\Users\\Ada Lovelace/.ssh/known_hosts',
          'C:\\Users\\Ada Lovelace/.ssh/known_hosts2',
        ],
      },
    ],
    // No word for "no alias" in ssh.
    ['hostkeyalias none', { hostKeyAlias: 'none' }],
    // The names of known_hosts are compared in lower case: an alias that is not would match nothing.
    ['hostkeyalias Dev-Alias', { hostKeyAlias: 'dev-alias' }],
    ['stricthostkeychecking true', { strictHostKeyChecking: 'yes' }],
    ['stricthostkeychecking yes', { strictHostKeyChecking: 'yes' }],
    ['stricthostkeychecking false', { strictHostKeyChecking: 'no' }],
    ['stricthostkeychecking no', { strictHostKeyChecking: 'no' }],
    ['stricthostkeychecking off', { strictHostKeyChecking: 'no' }],
    ['stricthostkeychecking accept-new', { strictHostKeyChecking: 'accept-new' }],
    ['stricthostkeychecking nonsense', { strictHostKeyChecking: 'ask' }],
    ['connecttimeout none', { connectTimeoutMs: 15_000 }],
    ['connecttimeout 0', { connectTimeoutMs: 15_000 }],
    ['connecttimeout 7', { connectTimeoutMs: 7000 }],
    ['serveraliveinterval 0', { serverAliveIntervalMs: 15_000 }],
    ['identitiesonly yes', { identitiesOnly: true }],
    [
      'certificatefile ~/c.pub',
      {
        unsupported: [
          'certificatefile ~/c.pub (ssh2 cannot show a user certificate; the plain key is tried)',
        ],
      },
    ],
  ]
  for (const [line, expected] of rows) {
    it(`reads ${line === '' ? 'nothing at all' : line}: ${Object.keys(expected).join(', ')}`, () =>
      assertHas(settingsFromOptions({ host: 'dev' }, parseSshG(line)), expected))
  }
})

describe('expandHome', () => {
  const rows: [string, () => string][] = [
    ['~', homedir],
    ['~/a', () => home('a')],
    ['~ada/a', () => '~ada/a'],
    ['/~/a', () => '/~/a'],
    ['a/~', () => 'a/~'],
  ]
  for (const [path, expected] of rows) {
    it(`reads ${path}`, () => assert.equal(expandHome(path), expected().replace(/[/\\]$/, '')))
  }
})

describe('resolveSshSettings', () => {
  let scope: Scope
  let folder: string
  let restore: () => void
  let log: CollectedLog
  beforeEach(() => {
    scope = new Scope()
    folder = scope.tempDir('ssh-config')
    mkdirSync(join(folder, '.ssh'))
    mkdirSync(join(folder, 'empty'))
    log = new CollectedLog()
    restore = () => undefined
  })
  afterEach(async () => {
    restore()
    await scope.close()
  })

  /** The directory of ssh, or one that is empty. */
  const paths = {
    'with an ssh client': () => `${dirname(findTool('ssh'))}${delimiter}${process.env['PATH'] ?? ''}`,
    'without one': () => join(folder, 'empty'),
  }
  // On Windows ssh takes the home directory from the user's profile, whatever the environment says.
  const ways = (Object.keys(paths) as (keyof typeof paths)[]).filter(
    (way) => way === 'without one' || process.platform !== 'win32',
  )

  async function resolve(way: keyof typeof paths, config: string | undefined, destination: string) {
    if (config !== undefined) writeFileSync(join(folder, '.ssh', 'config'), config)
    restore()
    restore = setEnvironment({
      PATH: paths[way](),
      HOME: folder,
      USERPROFILE: folder,
      SSH_AUTH_SOCK: '/run/agent.sock',
      KEY_FOLDER: '/keys',
    })
    return resolveSshSettings(destinationOf(destination), log)
  }

  for (const way of ways) {
    describe(way, () => {
      it('has the defaults where there is no configuration', async () => {
        const settings = await resolve(way, undefined, 'dev.example.com')
        assertHas(settings, {
          destination: 'dev.example.com',
          hostName: 'dev.example.com',
          port: 22,
          user: userInfo().username,
          identityAgent: '/run/agent.sock',
          userKnownHostsFiles: [join(folder, '.ssh/known_hosts'), join(folder, '.ssh/known_hosts2')],
          strictHostKeyChecking: 'ask',
          proxyJump: [],
          proxyCommand: undefined,
        })
        assert.ok(settings.identityFiles.includes(join(folder, '.ssh/id_ed25519')))
        assert.deepEqual(log.lines, [])
      })

      it('follows the configuration of HOME, wherever the password database says home is', async () => {
        const settings = await resolve(way, fixture('ssh_config/config'), 'dev')
        assertHas(settings, {
          destination: 'dev',
          hostName: 'dev.example.com',
          port: 2222,
          user: 'deploy',
          identityFiles: [join(folder, '.ssh/keys/dev.example.com_deploy'), join(folder, '.ssh/my key')],
          identitiesOnly: true,
          identityAgent: join(folder, '.ssh/agent.sock'),
          userKnownHostsFiles: [join(folder, '.ssh/known hosts'), '/srv/known_hosts/dev-alias'],
          globalKnownHostsFiles: [],
          hostKeyAlias: 'dev-alias',
          hashKnownHosts: true,
          strictHostKeyChecking: 'accept-new',
          serverAliveIntervalMs: 30_000,
        })
      })

      it('lets the destination win over the configuration', async () => {
        const config = 'Host dev\n  User deploy\n  Port 2222\n  IdentityFile ${KEY_FOLDER}/%r\n'
        assertHas(await resolve(way, config, 'root@dev:2200'), {
          user: 'root',
          port: 2200,
          identityFiles: ['/keys/root'],
        })
      })

      it('takes the first value, and patterns as they are meant', async () => {
        const config = `Host *.example.com !web.example.com
  User ada
Host *.example.com
  User bob
  Port 23
Host *
  Port 24
`
        assertHas(await resolve(way, config, 'dev.example.com'), { user: 'ada', port: 23 })
        assertHas(await resolve(way, config, 'web.example.com'), { user: 'bob', port: 23 })
        assertHas(await resolve(way, config, 'other'), { port: 24 })
      })

      it('says so when the configuration cannot be read', async () => {
        const config = 'User bob\nHost "dev\n  User ada\nHost dev\n  Port 2022\n'
        if (way === 'with an ssh client') {
          // What ssh refuses is not half followed: what is left out may be what protects.
          await assert.rejects(resolve(way, config, 'dev'), (error: unknown) => {
            assert.ok(error instanceof Failure)
            assert.equal(error.kind, 'ssh-config-refused')
            assert.match(error.said ?? '', /line 2/)
            assert.deepEqual(error.remedies[0], { do: 'open file', path: join(folder, '.ssh', 'config') })
            return true
          })
        } else {
          assertHas(await resolve(way, config, 'dev'), { user: 'bob', port: 2022 })
          assert.match(log.text, /^warn .*line 2 may be read otherwise by ssh: Host "dev$/m)
        }
      })

      it('reaches names with odd letters without their being taken for options', async () => {
        assertHas(await resolve(way, undefined, 'a+b@dev_1'), { user: 'a+b', hostName: 'dev_1' })
      })
    })
  }

  for (const way of ways.filter((each) => each === 'with an ssh client')) {
    it(`${way} follows Include and Match as ssh does`, async () => {
      writeFileSync(join(folder, '.ssh', 'more'), 'Match user ada\n  Port 2023\n')
      const config = `Include ${join(folder, '.ssh', 'more')}\n`
      assertHas(await resolve(way, config, 'ada@dev'), { port: 2023 })
      assertHas(await resolve(way, config, 'bob@dev'), { port: 22 })
    })
  }

  it('without one runs no command of the file', async () => {
    const ran = join(folder, 'ran')
    const config = `Match exec "${process.execPath} -e \\"require('fs').writeFileSync('${ran}','')\\""\n  User evil\nMatch exec "touch ${ran}"\n  User evil\n`
    const settings = await resolve('without one', config, 'dev')
    assert.notEqual(settings.user, 'evil')
    assert.equal(existsSync(ran), false)
  })

  it('without one does not complain: that no client is installed is fine', async () => {
    await resolve('without one', undefined, 'dev')
    assert.deepEqual(log.lines, [])
    await resolveSshSettings({ host: 'dev' }, silentLog)
  })
})
