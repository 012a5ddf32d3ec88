import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { algorithmKeywords, algorithms, type Algorithms } from '../../../src/ssh/algorithms'
import { parseDestination, type Destination } from '../../../src/ssh/destination'
import type { SshSettings } from '../../../src/ssh/settings'
import { resolveSshSettings } from '../../../src/ssh/sshConfig'
import { CollectedLog } from '../../support/collectedLog'
import { Scope } from '../../support/scope'
import { findTool } from '../../support/tools'
import { setEnvironment } from '../../unit/ssh/environment'

const folder = join(__dirname, '../../fixtures/ssh_config/cases')

/** A configuration of test/fixtures/ssh_config/cases, with what its first lines say about it. */
interface Case {
  readonly name: string
  readonly text: string
  readonly destinations: readonly string[]
  /** The settings in which the way without ssh differs, and why. */
  readonly differs: readonly string[]
  /** The algorithms to offer, by their keyword; `ours` stands for the list of this program. */
  readonly offers: ReadonlyMap<string, string>
}

function readCase(file: string): Case {
  const text = readFileSync(join(folder, file), 'utf8')
  const says = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, ...groups]) => groups)
  const list = (words = '') => words.split(',').map((word) => word.trim())
  return {
    name: file.replace(/\.conf$/, ''),
    text,
    destinations: list(says(/^# asks: (.*)$/gm)[0]?.[0]),
    differs: says(/^# fallback differs \(([\w, ]+)\): ./gm).flatMap(([fields]) => list(fields)),
    offers: new Map(says(/^# offers (\w+): (.*)$/gm).map(([keyword = '', names = '']) => [keyword, names])),
  }
}

const cases = readdirSync(folder)
  .filter((file) => file.endsWith('.conf'))
  .map(readCase)

/** What is compared, each in words that do not depend on how a list was cut up. */
type Facts = Readonly<Record<string, string | readonly string[] | undefined>>

// On Windows ssh takes the home directory from the user's profile, whatever the environment says.
describe('ssh_config, beside what ssh -G says', function () {
  if (process.platform === 'win32') return
  let scope: Scope
  let home: string
  let restore: () => void
  let environment: Record<string, string>

  beforeEach(() => {
    scope = new Scope()
    home = scope.tempDir('home')
    cpSync(join(folder, 'include'), join(home, '.ssh', 'include'), { recursive: true })
    mkdirSync(join(home, 'no-programs'))
    environment = {
      HOME: home,
      PATH: process.env['PATH'] ?? '',
      SSH_AUTH_SOCK: '/run/agent.sock',
      OTHER_AGENT: '/run/other.sock',
      KEY_FOLDER: '/keys',
    }
    restore = setEnvironment(environment)
  })
  afterEach(async () => {
    restore()
    await scope.close()
  })

  function write({ text }: Case) {
    writeFileSync(join(home, '.ssh', 'config'), text, { mode: 0o600 })
  }

  function ssh(args: readonly string[]) {
    return spawnSync(findTool('ssh'), args, {
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  const config = () => ['-F', join(home, '.ssh', 'config')]

  /** ssh takes the home directory from the password database, and HOME is moved here. */
  const moved = (path: string) => path.replaceAll(`${userInfo().homedir}/.ssh`, `${home}/.ssh`)

  /** What ssh itself makes of it: `ssh -G`, and for what that leaves unexpanded the words of `ssh -v`. */
  function askSsh({ host, user, port }: Destination): Facts {
    const destination = [
      ...(user === undefined ? [] : ['-l', user]),
      ...(port === undefined ? [] : ['-p', String(port)]),
      ...['--', host],
    ]
    const { stdout, stderr, status } = ssh([...config(), '-G', ...destination])
    assert.equal(status, 0, stderr)
    const said = new Map(
      stdout.split('\n').map((line) => {
        const [keyword = '', ...words] = line.split(' ')
        return [keyword, words.join(' ')]
      }),
    )
    const speaks = (options: readonly string[]) =>
      ssh([...config(), '-v', '-o', 'BatchMode=yes', ...options, ...destination, 'true']).stderr
    const identityFiles = [
      ...speaks(['-o', 'ProxyCommand=false']).matchAll(/^debug1: identity file (.*) type -?\d+\r?$/gm),
    ].map(([, file = '']) => moved(file))
    const command = said.has('proxycommand')
      ? /^debug1: Executing proxy command: exec (.*?)\r?$/m.exec(speaks([]))?.[1]
      : undefined
    const yes = (keyword: string) => String(['yes', 'true'].includes(said.get(keyword) ?? ''))
    const agent = said.get('identityagent') ?? 'SSH_AUTH_SOCK'
    const variable = agent === 'SSH_AUTH_SOCK' ? agent : /^\$(\w+)$/.exec(agent)?.[1]
    const strict = said.get('stricthostkeychecking') ?? ''
    const seconds = (keyword: string) => {
      const value = said.get(keyword) ?? ''
      // Without a limit of the user's own, ours.
      return ['none', '0'].includes(value) ? '15' : value
    }
    return {
      hostName: said.get('hostname'),
      port: said.get('port'),
      user: said.get('user'),
      identityFiles: identityFiles.filter((file, index) => file !== `${identityFiles[index - 1]}-cert`),
      identitiesOnly: yes('identitiesonly'),
      identityAgent:
        agent === 'none' ? undefined : variable === undefined ? moved(agent) : environment[variable],
      userKnownHostsFiles: moved(said.get('userknownhostsfile') ?? 'none'),
      globalKnownHostsFiles: said.get('globalknownhostsfile') ?? 'none',
      hostKeyAlias: said.get('hostkeyalias'),
      revokedHostKeys: said.get('revokedhostkeys')?.replace('~', home),
      // Brackets around an IPv4 address are ssh -G's own.
      proxyJump: said
        .get('proxyjump')
        ?.replace(/\[([\d.]+)\]/g, '$1')
        .replaceAll('ssh://', ''),
      proxyCommand: command,
      hashKnownHosts: yes('hashknownhosts'),
      strictHostKeyChecking: strict === 'true' ? 'yes' : strict === 'false' ? 'no' : strict,
      connectTimeout: seconds('connecttimeout'),
      serverAliveInterval: seconds('serveraliveinterval'),
      serverAliveCountMax: said.get('serveralivecountmax'),
      addressFamily: said.get('addressfamily'),
    }
  }

  function ours(settings: SshSettings): Facts {
    const files = (list: readonly string[]) => (list.length === 0 ? 'none' : list.join(' '))
    return {
      hostName: settings.hostName,
      port: String(settings.port),
      user: settings.user,
      identityFiles: settings.identityFiles,
      identitiesOnly: String(settings.identitiesOnly),
      identityAgent: settings.identityAgent,
      userKnownHostsFiles: files(settings.userKnownHostsFiles),
      globalKnownHostsFiles: files(settings.globalKnownHostsFiles),
      hostKeyAlias: settings.hostKeyAlias,
      revokedHostKeys: settings.revokedHostKeys,
      proxyJump:
        settings.proxyJump.length === 0
          ? undefined
          : settings.proxyJump
              .join(',')
              .replace(/\[([\d.]+)\]/g, '$1')
              .replaceAll('ssh://', ''),
      proxyCommand: settings.proxyCommand,
      hashKnownHosts: String(settings.hashKnownHosts),
      strictHostKeyChecking: settings.strictHostKeyChecking,
      connectTimeout: String(settings.connectTimeoutMs / 1000),
      serverAliveInterval: String(settings.serverAliveIntervalMs / 1000),
      serverAliveCountMax: String(settings.serverAliveCountMax),
      addressFamily: settings.addressFamily,
    }
  }

  /** Key types that ssh2 cannot read are asked of OpenSSH's client only. */
  const without = (facts: Facts): Facts => ({
    ...facts,
    identityFiles: [facts['identityFiles'] ?? []].flat().filter((file) => !/id_(dsa|xmss)$/.test(file)),
  })

  function assertOffers({ offers }: Case, settings: SshSettings) {
    for (const kind of Object.keys(algorithmKeywords) as (keyof Algorithms)[]) {
      const expected = (offers.get(algorithmKeywords[kind]) ?? 'ours').replace(
        'ours',
        algorithms[kind].join(','),
      )
      assert.equal(settings.algorithms[kind].join(','), expected, algorithmKeywords[kind])
    }
  }

  const keywordsOf = (unsupported: readonly string[]) => unsupported.map((each) => each.split(' ')[0])

  async function resolveWithout(destination: Destination) {
    const log = new CollectedLog()
    const back = setEnvironment({ PATH: join(home, 'no-programs') })
    try {
      return { settings: await resolveSshSettings(destination, log), log }
    } finally {
      back()
    }
  }

  it('has at least sixty cases, and says of each where the way without ssh differs', () => {
    assert.ok(cases.length >= 60)
    for (const { name, text, differs } of cases) {
      assert.equal(differs.length > 0, text.includes('fallback'), name)
    }
  })

  for (const each of cases) {
    for (const text of each.destinations) {
      const destination = parseDestination(text)
      assert.ok(destination, text)

      it(`${each.name}: ${text}, with an ssh client`, async () => {
        write(each)
        const log = new CollectedLog()
        const settings = await resolveSshSettings(destination, log)
        assert.deepEqual(ours(settings), askSsh(destination))
        assertOffers(each, settings)
        assert.deepEqual(log.lines, [])
      })

      it(`${each.name}: ${text}, without one${each.differs.length > 0 ? ', as far as it can' : ''}`, async () => {
        write(each)
        const { settings, log } = await resolveWithout(destination)
        const expected = without(askSsh(destination))
        const found = without(ours(settings))
        const differing = Object.keys(expected).filter(
          (field) => JSON.stringify(expected[field]) !== JSON.stringify(found[field]),
        )
        if (each.differs.length === 0) {
          assert.deepEqual(found, expected)
          if (!/match .*exec/i.test(each.text)) assert.deepEqual(log.lines, [])
        } else {
          assert.deepEqual(differing, each.differs)
          // Never in silence.
          assert.match(log.text, /^warn .*config line \d+/m)
        }
        assertOffers(each, settings)
        const { unsupported } = await resolveSshSettings(destination, log)
        assert.deepEqual(keywordsOf(settings.unsupported), keywordsOf(unsupported))
      })
    }
  }

  it('says of each option that it cannot follow what and why', async () => {
    write(cases.find(({ name }) => name === 'cannot-be-followed') ?? assert.fail())
    const { unsupported } = await resolveSshSettings({ host: 'dev' }, new CollectedLog())
    assert.deepEqual(keywordsOf(unsupported).sort(), [
      'bindaddress',
      'certificatefile',
      'certificatefile',
      'checkhostip',
      'compression',
      'passwordauthentication',
      'pkcs11provider',
      'verifyhostkeydns',
    ])
    for (const each of unsupported) assert.match(each, /^\w+ \S+ \(.+\)$/)
    assert.deepEqual((await resolveSshSettings({ host: 'plain' }, new CollectedLog())).unsupported, [])
  })

  it('names the algorithms that the configuration wants and this program does not have', async () => {
    const mine = 'diffie-hellman-group16-sha512'
    const text = `KexAlgorithms sntrup761x25519-sha512@openssh.com,${mine}\nMACs umac-128-etm@openssh.com\n`
    writeFileSync(join(home, '.ssh', 'config'), text, { mode: 0o600 })
    const { settings } = await resolveWithout({ host: 'dev' })
    for (const found of [settings, await resolveSshSettings({ host: 'dev' }, new CollectedLog())]) {
      assert.deepEqual(found.algorithms.kex, [mine])
      assert.deepEqual(found.algorithms.hmac, [], 'an empty list, which ends the attempt with a reason')
      assert.deepEqual(found.unsupported, [
        'kexalgorithms sntrup761x25519-sha512@openssh.com (not available here)',
        'macs umac-128-etm@openssh.com (not available here)',
      ])
    }
  })

  it('without ssh follows no circle of files, and none that others can write', async () => {
    writeFileSync(join(home, '.ssh', 'config'), 'Include config\nPort 2022\n', { mode: 0o600 })
    const { settings, log } = await resolveWithout({ host: 'dev' })
    assert.equal(settings.port, 2022)
    assert.match(log.text, /files include each other without end/)

    writeFileSync(join(home, '.ssh', 'open'), 'ProxyCommand evil\n', { mode: 0o666 })
    spawnSync('chmod', ['666', join(home, '.ssh', 'open')])
    writeFileSync(join(home, '.ssh', 'config'), 'Include open\n')
    await assert.rejects(resolveWithout({ host: 'dev' }), {
      kind: 'ssh-config-refused',
      said: `Bad owner or permissions on ${join(home, '.ssh', 'open')}`,
    })
  })
})
