import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { equivalentSshCommand } from '../../../src/ssh/equivalentCommand'
import { parseDestination } from '../../../src/ssh/destination'
import { Scope } from '../../support/scope'

type Options = Parameters<typeof equivalentSshCommand>[0]

const options = (changes: Partial<Options> = {}): Options => ({
  destination: { host: 'dev.example.com' },
  bind: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
  local: { host: 'localhost', port: 3000 },
  ...changes,
})

describe('equivalentSshCommand', () => {
  it('reads like a command a person would write', () => {
    assert.equal(
      equivalentSshCommand(options({ destination: { user: 'deploy', host: 'dev.example.com', port: 2222 } })),
      'ssh -nN -o ExitOnForwardFailure=yes -p 2222 -R 127.0.0.1:8080:localhost:3000 deploy@dev.example.com',
    )
  })

  const head = ['ssh', '-nN', '-o', 'ExitOnForwardFailure=yes']
  const forward = ['-R', '127.0.0.1:8080:localhost:3000']
  const rows: [what: string, changes: Partial<Options>, words: string[]][] = [
    ['the least there is', {}, [...head, ...forward, 'dev.example.com']],
    [
      'a unix socket',
      { bind: { kind: 'unix', path: '/run/expose/a.sock' } },
      [...head, '-R', '/run/expose/a.sock:localhost:3000', 'dev.example.com'],
    ],
    [
      'a socket with odd letters',
      { bind: { kind: 'unix', path: '/run/it\'s a $HOME `id` \\ "q".sock' } },
      [...head, '-R', '/run/it\'s a $HOME `id` \\ "q".sock:localhost:3000', 'dev.example.com'],
    ],
    [
      'IPv6 on both ends, which a shell takes for a pattern',
      { bind: { kind: 'tcp', host: '::1', port: 8080 }, local: { host: '::1', port: 3000 } },
      [...head, '-R', '[::1]:8080:[::1]:3000', 'dev.example.com'],
    ],
    [
      'a key with spaces',
      { identityFile: '/home/ada lovelace/.ssh/id' },
      [...head, '-i', '/home/ada lovelace/.ssh/id', ...forward, 'dev.example.com'],
    ],
    [
      'a key in the home directory',
      { identityFile: '~/.ssh/id_ed25519' },
      [...head, '-i', join(homedir(), '.ssh/id_ed25519'), ...forward, 'dev.example.com'],
    ],
    [
      'a key in the home directory with spaces',
      { identityFile: "~/my keys/ada's" },
      [...head, '-i', `${homedir()}/my keys/ada's`, ...forward, 'dev.example.com'],
    ],
    [
      'a Windows path',
      { identityFile: 'C:\\Users\\Ada\\.ssh\\id' },
      [...head, '-i', 'C:\\Users\\Ada\\.ssh\\id', ...forward, 'dev.example.com'],
    ],
    [
      'a user that would run something',
      { destination: { user: 'ada;touch ran', host: 'dev' } },
      [...head, ...forward, 'ada;touch ran@dev'],
    ],
    [
      'a host that would be a pattern, a variable and a comment',
      { destination: { host: '#*?$HOME!{a,b}~&|<>()' } },
      [...head, ...forward, '#*?$HOME!{a,b}~&|<>()'],
    ],
    ['letters beyond ASCII', { destination: { host: 'dév.例え' } }, [...head, ...forward, 'dév.例え']],
  ]

  describe('as a shell reads it', () => {
    let scope: Scope
    let folder: string
    before(() => {
      scope = new Scope()
      folder = scope.tempDir('shell')
      // What unquoted patterns would become.
      for (const name of [':', '1', 'a', '#x']) writeFileSync(join(folder, name), '')
      writeFileSync(join(folder, '::8080:::3000'), '')
      writeFileSync(join(folder, ':8080::3000'), '')
    })
    after(() => scope.close())

    for (const [what, changes, words] of rows) {
      it(what, () => {
        const command = equivalentSshCommand(options(changes))
        const script = `printf '%s\\n' ${command}`
        const read = execFileSync('sh', ['-c', script], { encoding: 'utf8', cwd: folder })
        assert.deepEqual(read.trimEnd().split('\n'), words, command)
      })
    }
  })

  it('gives ssh no option in place of a host, since such a destination is not read', () => {
    for (const text of ['-oProxyCommand=id', 'ssh://%2DoProxyCommand=id@dev']) {
      assert.equal(parseDestination(text), undefined)
    }
  })
})
