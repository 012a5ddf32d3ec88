import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { factsScript, sectionsOf } from '../../../src/servers/look/script'
import { Scope } from '../../support/scope'

describe('the titles of processes on a server', () => {
  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  /** The configurations that are read where `ps` prints this. */
  function configsRead(processes: readonly (readonly [user: string, config: string])[]): string[] {
    const directory = scope.tempDir('titles')
    const lines = processes.map(([user, config]) => `${user} nginx: master process nginx -c ${config}`)
    writeFileSync(join(directory, 'ps'), `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\nEND\n`, {
      mode: 0o755,
    })
    const env = { ...process.env, PATH: `${directory}:${process.env['PATH'] ?? ''}` }
    const { stdout } = spawnSync('sh', { input: factsScript, encoding: 'utf8', env })
    return sectionsOf(stdout).flatMap(({ name, detail }) => (name === 'nginxconfig' ? [detail] : []))
  }

  it('choose which configuration is read only where root, the user, or a proxy’s own user has the process', () => {
    const directory = scope.tempDir('configs')
    const config = (name: string) => {
      const path = join(directory, name)
      writeFileSync(path, '')
      return path
    }
    const [ofRoot, ofUser, ofAnother] = [config('root'), config('user'), config('another')]
    const read = configsRead([
      ['root', ofRoot],
      [userInfo().username, ofUser],
      ['mallory', ofAnother],
    ])
    assert.ok(read.includes(ofRoot))
    assert.ok(read.includes(ofUser))
    assert.ok(!read.includes(ofAnother))
  })
})
