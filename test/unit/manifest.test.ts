import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandIds, innerCommandIds } from '../../src/ui/commandIds'

interface Manifest {
  readonly name: string
  readonly displayName: string
  readonly publisher: string
  readonly main: string
  readonly icon: string
  readonly license: string
  readonly engines: { readonly vscode: string }
  readonly devDependencies: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly extensionKind: readonly string[]
  readonly capabilities: {
    readonly untrustedWorkspaces: {
      readonly supported: unknown
      readonly restrictedConfigurations: readonly string[]
    }
  }
  readonly contributes: {
    readonly commands: readonly {
      readonly command: string
      readonly title: string
      readonly category?: string
    }[]
    readonly configuration: { readonly properties: Readonly<Record<string, Setting>> }
  }
}

interface Setting {
  readonly order?: number
  readonly scope?: string
  readonly type?: string
  readonly default?: unknown
  readonly description?: string
  readonly markdownDescription?: string
  readonly enum?: readonly string[]
  readonly enumDescriptions?: readonly string[]
  readonly properties?: Readonly<Record<string, Setting>>
  readonly additionalProperties?: Setting | boolean
}

const root = join(__dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

describe('the manifest', () => {
  it('is of the extension that people find as "Expose Port"', () => {
    assert.deepEqual(
      [manifest.name, manifest.displayName, manifest.license],
      ['expose-port', 'Expose Port', 'MIT'],
    )
  })

  it('runs where the ports are: in WSL, in the container, on the SSH host', () => {
    assert.deepEqual(manifest.extensionKind, ['workspace'])
  })

  it('asks for the VS Code whose API it is compiled against', () => {
    assert.equal(manifest.engines.vscode, `^${manifest.devDependencies['@types/vscode'] ?? ''}`)
  })

  it('is bundled: it needs no package at run time', () => {
    assert.deepEqual(manifest.dependencies ?? {}, {})
    assert.equal(manifest.main, './dist/extension.js')
    assert.ok(existsSync(join(root, manifest.icon)))
  })

  it('takes every version exactly, so that ssh2’s internals are the ones we know', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name)
    }
  })

  describe('commands', () => {
    const { commands } = manifest.contributes

    it('are exactly those that the code has', () =>
      assert.deepEqual(commands.map(({ command }) => command).sort(), Object.values(commandIds).sort()))

    it('leave out those that only links call', () => {
      for (const inner of Object.values(innerCommandIds)) {
        assert.ok(!commands.some(({ command }) => command === inner), inner)
        assert.match(inner, /^exposePort\.\w+$/)
      }
    })

    for (const { command, title, category } of commands) {
      it(`${command} stands under "Expose Port" with a title of its own`, () => {
        assert.equal(category, 'Expose Port')
        assert.match(title, /^[A-Z][\w ]+…?$/)
        assert.equal(commands.filter((other) => other.title === title).length, 1)
      })
    }
  })

  describe('settings', () => {
    const settings = Object.entries(manifest.contributes.configuration.properties)

    for (const [name, setting] of settings) {
      it(`${name} has a place, a scope, a type, a default and a description`, () => {
        assert.match(name, /^exposePort\.[a-z]\w*(\.\w+)*$/)
        assert.equal(typeof setting.order, 'number')
        assert.match(setting.scope ?? '', /^(machine|window|resource|application)$/)
        assert.equal(typeof setting.type, 'string')
        assert.ok('default' in setting)
        assert.match(setting.markdownDescription ?? setting.description ?? '', /^[A-Z].*\.$/s)
      })
    }

    it('are ordered without doubt', () => {
      const orders = settings.map(([, { order }]) => order)
      assert.equal(new Set(orders).size, orders.length)
    })

    it('let no workspace choose where traffic goes', () => {
      for (const name of ['exposePort.servers', 'exposePort.defaultServer']) {
        const [, setting] = settings.find(([each]) => each === name) ?? assert.fail(name)
        assert.equal(setting.scope, 'machine', name)
        assert.ok(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.includes(name), name)
      }
      assert.equal(manifest.capabilities.untrustedWorkspaces.supported, 'limited')
    })

    it('describe every field of a server, and every value that a field may have', () => {
      const [, servers] = settings.find(([name]) => name === 'exposePort.servers') ?? assert.fail()
      assert.ok(typeof servers.additionalProperties === 'object')
      const fields = servers.additionalProperties.properties ?? {}
      assert.deepEqual(Object.keys(fields), ['ssh', 'bind', 'publicUrl', 'tls', 'identityFile'])
      assert.equal(servers.additionalProperties.additionalProperties, false, 'an unknown field is underlined')
      for (const [name, field] of Object.entries(fields)) {
        assert.match(field.markdownDescription ?? field.description ?? '', /\.$/, name)
        assert.equal(field.enumDescriptions?.length, field.enum?.length, name)
      }
    })
  })
})
