import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCaptureLimits } from '../../src/http/captureLimits'
import { readPortWishes } from '../../src/servers/portWishes'
import { isPublicBind, portsOf, serviceNames, tlsEnds, type ServerProfile } from '../../src/servers/profile'
import { readServers } from '../../src/servers/validation'
import { examples } from '../../src/servers/validation/fields'
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
      readonly icon?: string
    }[]
    readonly viewsContainers: {
      readonly activitybar: readonly { readonly id: string; readonly title: string; readonly icon: string }[]
    }
    readonly views: Readonly<Record<string, readonly { readonly id: string; readonly name: string }[]>>
    readonly viewsWelcome: readonly { readonly view: string; readonly contents: string }[]
    readonly menus: Readonly<Record<string, readonly MenuItem[]>>
    readonly walkthroughs: readonly Walkthrough[]
    readonly configuration: { readonly properties: Readonly<Record<string, Setting>> }
  }
}

interface Walkthrough {
  readonly id: string
  readonly title: string
  readonly steps: readonly {
    readonly id: string
    readonly description: string
    readonly media: { readonly svg: string; readonly altText: string }
    readonly completionEvents: readonly string[]
  }[]
}

interface MenuItem {
  readonly command: string
  readonly when?: string
  readonly group?: string
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
  readonly markdownEnumDescriptions?: readonly string[]
  readonly examples?: readonly unknown[]
  readonly items?: Setting
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly Setting[]
  readonly defaultSnippets?: readonly Snippet[]
  readonly properties?: Readonly<Record<string, Setting>>
  readonly patternProperties?: Readonly<Record<string, Setting>>
  readonly additionalProperties?: Setting | boolean
}

interface Snippet {
  readonly label: string
  readonly description?: string
  readonly body: Readonly<Record<string, unknown>>
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

  describe('the walkthrough', () => {
    const { walkthroughs, commands, views } = manifest.contributes
    const steps = walkthroughs.flatMap((each) => each.steps)

    it('leads from something that listens to a webhook', () => {
      assert.deepEqual(
        walkthroughs.map(({ id, title }) => [id, title]),
        [['getStarted', 'Get Started with Expose Port']],
      )
      assert.deepEqual(
        steps.map(({ id }) => id),
        ['listen', 'server', 'expose', 'webhook'],
      )
    })

    for (const { id, description, media, completionEvents } of steps) {
      it(`${id}: has a picture in the package, a button that does it, and ticks itself off`, () => {
        assert.match(readFileSync(join(root, media.svg), 'utf8'), /^<svg /)
        assert.match(readFileSync(join(root, '.vscodeignore'), 'utf8'), /^!media\/walkthrough\/\*\*$/m)
        assert.notEqual(media.altText, '')
        const [, command] = /\n\[[^\]]+\]\(command:([\w.]+)\)$/.exec(description) ?? []
        const focus = Object.values(views).flatMap((each) => each.map((view) => `${view.id}.focus`))
        assert.ok([...commands.map((each) => each.command), ...focus].includes(command ?? ''), description)
        assert.ok(completionEvents.length > 0)
        for (const event of completionEvents) {
          const [, kind, name = ''] = /^(onContext|onSettingChanged):(exposePort\.\w+)$/.exec(event) ?? []
          if (kind === 'onSettingChanged') assert.ok(name in manifest.contributes.configuration.properties)
          else assert.ok(contextKeys().has(name), event)
        }
      })
    }
  })

  describe('views', () => {
    const { viewsContainers, views, viewsWelcome, menus, commands } = manifest.contributes
    const [container] = viewsContainers.activitybar
    const names = (views[container?.id ?? ''] ?? []).map(({ id }) => id)
    const rowMenu = menus['view/item/context'] ?? []

    it('stand in a container with an icon that the package has', () => {
      assert.deepEqual(names, ['exposePort.ports', 'exposePort.tunnels', 'exposePort.servers'])
      const icon = container?.icon ?? assert.fail()
      assert.ok(existsSync(join(root, icon)))
      assert.match(readFileSync(join(root, '.vscodeignore'), 'utf8'), new RegExp(`^!${icon}$`, 'm'))
    })

    it('say what to do while they are empty, with a button that does it', () => {
      assert.deepEqual(
        viewsWelcome.map(({ view }) => view),
        names,
      )
      for (const { contents } of viewsWelcome) {
        const [, title, command] = /\n\[([^\]]+)\]\(command:([\w.]+)\)$/.exec(contents) ?? []
        assert.ok(title, contents)
        assert.ok(
          commands.some((each) => each.command === command),
          contents,
        )
      }
    })

    it('offer commands that there are, each button with an icon', () => {
      for (const [menu, items] of Object.entries(menus)) {
        for (const { command, group } of items) {
          const found = commands.find((each) => each.command === command)
          assert.ok(found, `${menu}: ${command}`)
          if (/^(inline|navigation)/.test(group ?? ''))
            assert.match(found.icon ?? '', /^\$\([\w-]+\)$/, command)
        }
      }
    })

    it('offer what fits each row', () => {
      const buttons = (view: string, viewItem: string) =>
        rowMenu
          .filter(
            ({ group, when }) => group?.startsWith('inline') === true && holds(when, { view, viewItem }),
          )
          .map(({ command }) => command.replace('exposePort.', ''))
      const onTunnel = ['copyPublicUrl', 'openPublicUrl', 'stop']
      assert.deepEqual(buttons('exposePort.ports', 'port'), ['exposePublicly'])
      assert.deepEqual(buttons('exposePort.ports', 'exposedPort'), onTunnel)
      assert.deepEqual(buttons('exposePort.tunnels', 'tunnel'), onTunnel)
      assert.deepEqual(buttons('exposePort.tunnels', 'tunnelToRetry'), ['retry', ...onTunnel])
      assert.deepEqual(buttons('exposePort.servers', 'server'), ['editServers'])
      for (const view of names) assert.deepEqual(buttons(view, ''), [], view)
    })

    it('leave commands that only rows offer out of the Command Palette', () => {
      assert.deepEqual(menus['commandPalette'], [
        { command: commandIds.exposePublicly, when: 'false' },
        { command: commandIds.retry, when: 'false' },
      ])
    })

    it('have a second door in VS Code’s own Ports view', () => {
      assert.deepEqual(
        menus['ports/item/context']?.map(
          ({ command }) => commands.find((each) => each.command === command)?.title,
        ),
        ['Expose Publicly'],
      )
    })
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
      const ofTheUser = settings
        .map(([name]) => name.replace('exposePort.', ''))
        .filter((name) => /^(servers|defaultServer|acme\..*|webhooks\..*)$/.test(name))
      assert.equal(ofTheUser.length, 11)
      for (const name of ofTheUser.map((each) => `exposePort.${each}`)) {
        const [, setting] = settings.find(([each]) => each === name) ?? assert.fail(name)
        assert.equal(setting.scope, 'machine', name)
        assert.ok(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.includes(name), name)
      }
      assert.equal(manifest.capabilities.untrustedWorkspaces.supported, 'limited')
    })

    const settingOf = (name: string): Setting =>
      settings.find(([each]) => each === name)?.[1] ?? assert.fail(`there is no setting ${name}`)
    const entryOf = (): Setting => {
      const { additionalProperties } = settingOf('exposePort.servers')
      return typeof additionalProperties === 'object' ? additionalProperties : assert.fail()
    }

    it('describe every field of a server, and every value that a field may have', () => {
      const entry = entryOf()
      const fields = entry.properties ?? {}
      assert.deepEqual(Object.keys(fields).sort(), Object.keys(examples).sort())
      assert.equal(entry.additionalProperties, false, 'an unknown field is underlined')
      for (const [name, field] of Object.entries(fields)) {
        assert.match(field.markdownDescription ?? '', /\.$/, name)
        for (const each of [field, ...(field.anyOf ?? [])]) {
          const described = each.enumDescriptions ?? each.markdownEnumDescriptions
          assert.equal(described?.length, each.enum?.length, name)
        }
      }
      assert.deepEqual(fields['tls']?.enum, tlsEnds)
      const services = fields['service']?.anyOf?.flatMap((each) => each.enum ?? []) ?? []
      assert.deepEqual([...services, 'sish'].sort(), [...serviceNames].sort())
    })

    it('give examples that are right', () => {
      for (const [name, { examples: given = [] }] of Object.entries(entryOf().properties ?? {})) {
        for (const example of given) {
          // An example of one field goes with some of the others.
          const others = [{}, { tls: 'here' }, { tls: 'none' }, { service: 'ngrok' }].flatMap((more) =>
            ['127.0.0.1:8080', '127.0.0.1:{20000-20099}', '/run/{name}.sock'].flatMap((bind) =>
              ['https://a.example', 'https://{name}.example', 'https://a.example:{port}'].map((publicUrl) =>
                'service' in more ? more : { bind, publicUrl, ...more },
              ),
            ),
          )
          const entries = others.map((other) => ({ ssh: 'a@b', ...other, [name]: example }))
          assert.ok(
            entries.some((each) => readServers({ s: each }).problems.length === 0),
            `${name}: ${String(example)}`,
          )
        }
      }
    })

    describe('offer servers filled in', () => {
      const snippets = entryOf().defaultSnippets ?? []
      const read = (entry: unknown): ServerProfile => {
        const { profiles, problems } = readServers({ s: entry })
        assert.deepEqual(problems, [])
        return profiles[0] ?? assert.fail()
      }

      for (const { label, description, body } of snippets) {
        it(`${label}: nothing is wrong with it as it stands`, () => {
          read(filledIn(body))
          assert.match(description ?? '', /^[A-Za-z].*\.$/)
        })
      }

      it('for every way of being public', () => {
        const ways = snippets.map(({ body }) => {
          const profile = read(filledIn(body))
          if (profile.kind !== 'own') return profile.kind
          const { bind, tls, publicUrl } = profile
          const place = bind.kind === 'unix' ? 'socket' : isPublicBind(bind) ? 'public' : 'loopback'
          const many = portsOf(bind).length > 1 || publicUrl.includes('{name}')
          return `${place} ${many ? 'many' : 'one'} ${tls}`
        })
        assert.deepEqual([...new Set(ways)].sort(), [
          'gateway',
          'loopback many server',
          'loopback one server',
          'public many none',
          'public one app',
          'public one here',
          'service',
          'socket many here',
          'socket many server',
        ])
      })

      it('where there is no server yet too, under a name', () => {
        const whole = settingOf('exposePort.servers').defaultSnippets ?? []
        assert.deepEqual(
          whole.map(({ label, body }) => [label, filledIn(body)]),
          snippets.map(({ label, body }) => [label, { 'my-server': filledIn(body) }]),
        )
        for (const { body } of whole) {
          const stops = [...JSON.stringify(body).matchAll(/\$\{(\d)/g)].map((match) => Number(match[1]))
          assert.equal(stops[0], 1, 'the name comes first')
          assert.deepEqual(
            [...new Set(stops)].sort(),
            Array.from(new Set(stops), (_, index) => index + 1),
          )
        }
      })
    })

    it('keep as much of what visitors ask as the code does by itself', () => {
      const names = ['enabled', 'maxExchanges', 'maxBodyKilobytes', 'maxMegabytes']
      const set = (value: (setting: Setting) => unknown) =>
        readCaptureLimits((name) => {
          assert.ok(names.includes(name), name)
          return value(settingOf(`exposePort.capture.${name}`))
        })
      assert.deepEqual(
        set((setting) => setting.default),
        readCaptureLimits(() => undefined),
      )
      // What the settings editor lets pass is what counts.
      assert.deepEqual(
        set(({ maximum }) => maximum),
        readCaptureLimits(() => Infinity),
      )
      assert.deepEqual(
        set(({ minimum }) => minimum),
        readCaptureLimits(() => -Infinity),
      )
    })

    it('offer the hosts of ports that the code takes', () => {
      const [wish] = Object.values(settingOf('exposePort.ports').patternProperties ?? {})
      const hosts = wish?.properties?.['host']?.enum ?? assert.fail()
      assert.deepEqual(hosts, ['local', 'public'])
      for (const host of hosts) assert.deepEqual(readPortWishes({ '3000': { host } }).problems, [])
    })

    describe('of who may come in', () => {
      const accessOf = (): Setting => {
        const [wish] = Object.values(settingOf('exposePort.ports').patternProperties ?? {})
        return wish?.properties?.['access'] ?? assert.fail()
      }
      const problemsOf = (access: unknown) => readPortWishes({ '3000': { access } }).problems

      it('describe every field that the code reads', () => {
        const fields = accessOf().properties ?? {}
        const [problem] = problemsOf({ unknown: 1 })
        const named = /the fields are (.*)$/.exec(problem?.message ?? '')?.[1]?.split(/, | and /) ?? []
        assert.deepEqual(Object.keys(fields), named)
        assert.equal(accessOf().additionalProperties, false)
        for (const [name, field] of Object.entries(fields))
          assert.match(field.markdownDescription ?? '', /\.$/, name)
      })

      it('give examples and snippets that are right', () => {
        for (const [name, { examples: given = [] }] of Object.entries(accessOf().properties ?? {}))
          for (const example of given) assert.deepEqual(problemsOf({ [name]: example }), [], name)
        const snippets = accessOf().defaultSnippets ?? []
        assert.ok(snippets.length > 0)
        for (const { body } of snippets) assert.deepEqual(problemsOf(filledIn(body)), [])
      })

      it('underline nothing that the code takes', () => {
        const { closeAfter, allow, open, methods } = accessOf().properties ?? {}
        const takes = (pattern: string | undefined, text: string) =>
          new RegExp(pattern ?? assert.fail()).test(text)
        for (const text of ['1m', '90m', '7d', '168h']) assert.ok(takes(closeAfter?.pattern, text), text)
        for (const text of ['203.0.113.9', '::1', '2001:DB8::/32'])
          assert.ok(takes(allow?.items?.pattern, text))
        for (const text of ['/', '/a/*']) assert.ok(takes(open?.items?.pattern, text), text)
        for (const text of ['GET', 'M-SEARCH']) assert.ok(takes(methods?.items?.pattern, text), text)
      })
    })

    it('offer every field of a port that the code takes, and for held requests every field and value', () => {
      const [wish] = Object.values(settingOf('exposePort.ports').patternProperties ?? {})
      const fields = wish?.properties ?? assert.fail()
      const said = readPortWishes({ '3000': { '?': 1 } }).problems[0]?.message ?? ''
      const taken = /the fields are (.*)$/.exec(said)?.[1]?.split(/, | and /) ?? []
      assert.deepEqual(Object.keys(fields).sort(), taken.sort())
      const hold = fields['hold']?.anyOf?.find(({ type }) => type === 'object') ?? assert.fail()
      assert.equal(hold.additionalProperties, false)
      assert.deepEqual(
        Object.entries(hold.properties ?? {}).map(([name, { default: usual }]) => [name, usual]),
        [
          ['paths', []],
          ['atMost', 100],
          ['for', '10m'],
          ['answerAfter', '3s'],
        ],
      )
      const usual = Object.fromEntries(
        Object.entries(hold.properties ?? {}).map(([name, field]) => [name, field.default]),
      )
      const read = (value: unknown) => readPortWishes({ '3000': { hold: value } })
      assert.deepEqual(read(usual), read(true))
      for (const { body } of fields['hold']?.defaultSnippets ?? [])
        assert.deepEqual(read(filledIn(body)).problems, [])
    })

    it('underline the same names of ports that the code refuses', () => {
      const patterns = Object.entries(settingOf('exposePort.ports').patternProperties ?? {})
      const [key, wish] = patterns[0] ?? assert.fail()
      const name = new RegExp(wish.properties?.['name']?.pattern ?? assert.fail())
      for (const text of [
        'my-bot',
        'a',
        '3000',
        'a--b',
        'ab--c',
        'xn--a',
        'My',
        '-a',
        'a-',
        'a.b',
        'a_b',
        'é',
        '',
      ]) {
        const isRight = readPortWishes({ '3000': { name: text } }).problems.length === 0
        assert.equal(name.test(text), isRight, text)
      }
      for (const text of ['3000', 'db.lan:5432', '[::1]:80', 'a', 'a:', '', ':1', 'a b:1', '1234567']) {
        const isRight = readPortWishes({ [text]: {} }).problems.length === 0
        assert.equal(new RegExp(key).test(text), isRight, text)
      }
    })
  })
})

/** A snippet's body as it is when every placeholder is left as it is; of choices the first. */
function filledIn(body: unknown): unknown {
  const text = JSON.stringify(body)
    .replace(/\$\{\d\|([^,|]*)[^|]*\|\}/g, '$1')
    .replace(/\$\{\d:([^}]*)\}/g, '$1')
  return JSON.parse(text)
}

/** Of VS Code's when clauses what the manifest uses: `key == value`, `key =~ /expression/`, joined by `&&`. */
function holds(when: string | undefined, context: Readonly<Record<string, string>>): boolean {
  return (when ?? '').split(' && ').every((part) => {
    const [, key = '', operator, value = ''] = /^(\w+) (==|=~) (.*)$/.exec(part) ?? assert.fail(part)
    const actual = context[key] ?? ''
    return operator === '==' ? actual === value : new RegExp(value.slice(1, -1)).test(actual)
  })
}

/** That the code tells VS Code. */
function contextKeys(): Set<string> {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return new Set(
    files
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => [
        ...readFileSync(join(root, 'src', name), 'utf8').matchAll(/'setContext', '(exposePort\.\w+)'/g),
      ])
      .map(([, key = '']) => key),
  )
}
