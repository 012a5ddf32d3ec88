import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listSshHosts } from '../../../src/servers/sshHosts'
import { Scope } from '../../support/scope'
import { setEnvironment } from '../ssh/environment'

describe('listSshHosts', () => {
  let scope: Scope
  let home: string
  let restore: () => void
  beforeEach(() => {
    scope = new Scope()
    home = scope.tempDir('hosts')
    mkdirSync(join(home, '.ssh', 'more'), { recursive: true })
    restore = setEnvironment({ HOME: home, USERPROFILE: home })
  })
  afterEach(async () => {
    restore()
    await scope.close()
  })

  const write = (name: string, text: string) => writeFileSync(join(home, '.ssh', name), text, { mode: 0o600 })

  const rows: [what: string, config: string, names: string[]][] = [
    ['names in their order, each once', 'Host b\nHost a c\nHost b\n', ['b', 'a', 'c']],
    ['no patterns and no negation', 'Host *\nHost web-?\nHost *.example.com dev !dev.example.com\n', ['dev']],
    [
      'any case of the keyword, =, quotes, tabs and comments',
      'HOST=a\n\thost\t"b" # c\n# Host d\n',
      ['a', 'b'],
    ],
    ['CRLF', 'Host a\r\n  Port 22\r\nHost b\r\n', ['a', 'b']],
    ['nothing of Match', 'Match host a\nMatch originalhost b user c\n', []],
    [
      'names with dots, dashes and digits',
      'Host db-1.example.com 192.0.2.7\n',
      ['db-1.example.com', '192.0.2.7'],
    ],
    ['nothing that would be an option, a user or a port', 'Host -oBatchMode a@b c:22 ok\n', ['ok']],
    ['nothing of a line that cannot be read', 'Host "a\nHost b\n', ['b']],
  ]
  for (const [what, config, names] of rows) {
    it(`lists ${what}`, async () => {
      write('config', config)
      assert.deepEqual(await listSshHosts(), names)
    })
  }

  it('lists none where there is no file', async () => assert.deepEqual(await listSshHosts(), []))

  it('follows Include where it stands, relative to ~/.ssh, with patterns, and not for ever', async () => {
    write('config', 'Host first\nInclude more/*.conf ~/.ssh/single\nHost last\n  Include more/nested\n')
    write('more/a.conf', 'Host a\n')
    write('more/b.conf', 'Host b first\n')
    write('more/other', 'Host other\n')
    write('more/nested', 'Host nested\nInclude more/nested\n')
    write('single', 'Host single\n')
    assert.deepEqual(await listSshHosts(), ['first', 'a', 'b', 'single', 'last', 'nested'])
  })

  it('keeps what it has when a file is one that others can write', async () => {
    if (process.platform === 'win32') return
    write('config', 'Host a\nInclude open\nHost b\n')
    write('open', 'Host evil\n')
    chmodSync(join(home, '.ssh', 'open'), 0o666)
    assert.deepEqual(await listSshHosts(), ['a'])
  })
})
