import assert from 'node:assert/strict'
import { usualHold, type HoldOptions } from '../../../src/http/hold'
import { formatPortProblem, gateFor, keyOf, nameFor, readPortWishes } from '../../../src/servers/portWishes'
import { random } from './random'

const local = (port: number) => ({ host: 'localhost', port })

describe('readPortWishes', () => {
  it('reads names by port, here and on another machine', () => {
    const { wishes, problems } = readPortWishes({
      '3000': { name: 'my-bot' },
      'db.lan:5432': { name: 'db' },
      '[::1]:8080': { name: 'six' },
      '8081': {},
      '8082': { host: 'public' },
      '8083': { name: 'local', host: 'local' },
      '8084': { capture: false },
    })
    assert.deepEqual(problems, [])
    assert.deepEqual(Object.fromEntries(wishes), {
      '3000': { name: 'my-bot', gate: {} },
      'db.lan:5432': { name: 'db', gate: {} },
      '[::1]:8080': { name: 'six', gate: {} },
      '8081': { gate: {} },
      '8082': { gate: { hostHeader: 'public' } },
      '8083': { name: 'local', gate: { hostHeader: 'local' } },
      '8084': { gate: { capture: false } },
    })
    assert.deepEqual(gateFor(wishes, local(8082)), { hostHeader: 'public' })
    assert.deepEqual(gateFor(wishes, local(8081)), {})
  })

  for (const host of ['dev.example.com', 'Public', '', null, true]) {
    it(`does not take ${JSON.stringify(host)} for a host, and keeps the name`, () => {
      const { wishes, problems } = readPortWishes({ '3000': { name: 'a', host } })
      assert.deepEqual(wishes.get('3000'), { name: 'a', gate: {} })
      assert.deepEqual(problems.map(formatPortProblem), [
        'exposePort.ports › "3000" › "host": must be "local" or "public"',
      ])
    })
  }

  it('does not take a text for yes or no', () => {
    const { wishes, problems } = readPortWishes({ '3000': { capture: 'no' } })
    assert.deepEqual(wishes.get('3000'), { gate: {} })
    assert.deepEqual(problems.map(formatPortProblem), [
      'exposePort.ports › "3000" › "capture": must be true or false',
    ])
  })

  it('takes localhost for this machine, in any letters', () => {
    assert.deepEqual([...readPortWishes({ 'Localhost:3000': { name: 'a' } }).wishes.keys()], ['3000'])
    assert.deepEqual([...readPortWishes({ 'DB.lan:3000': { name: 'a' } }).wishes.keys()], ['db.lan:3000'])
  })

  for (const value of [undefined, null, {}]) {
    it(`reads ${JSON.stringify(value)} as no wish`, () => {
      const { wishes, problems } = readPortWishes(value)
      assert.deepEqual([wishes.size, problems], [0, []])
    })
  }

  const names: [name: unknown, says: string][] = [
    ['My App', '"My App" cannot be part of a host name; write "my-app"'],
    ['MyBot', 'write "mybot"'],
    ['my.bot', 'write "my-bot"'],
    ['my_bot', 'write "my-bot"'],
    ['-bot-', 'write "bot"'],
    ['Café', 'write "cafe"'],
    ['../../etc', 'write "etc"'],
    ['xn--bcher-kva', 'write "xn-bcher-kva"'],
    ['{name}', 'write "name"'],
    ['日本', 'write letters a to z, digits and dashes, such as "my-bot"'],
    ['', 'write letters a to z'],
    ['-', 'write letters a to z'],
    ['a'.repeat(64), `write "${'a'.repeat(63)}"`],
    [`${'a'.repeat(62)}-b`, `write "${'a'.repeat(62)}"`],
    [3000, 'must be a text such as "my-bot"'],
    [null, 'must be a text'],
    [['a'], 'must be a text'],
  ]
  for (const [name, says] of names) {
    it(`does not take ${JSON.stringify(name).slice(0, 40)} for a name, and says what to write`, () => {
      const { wishes, problems } = readPortWishes({ '3000': { name }, '3001': { name: 'right' } })
      assert.deepEqual([wishes.get('3000'), wishes.get('3001')], [{ gate: {} }, { name: 'right', gate: {} }])
      assert.deepEqual(
        problems.map(({ port, field }) => [port, field]),
        [['3000', 'name']],
      )
      const text = formatPortProblem(problems[0]!)
      assert.ok(text.startsWith('exposePort.ports › "3000" › "name": ') && text.includes(says), text)
      assert.equal(nameFor({ wishes, target: local(3000), folder: 'app' }), 'app-3000')
      const written = /write "([^"]+)"/.exec(text)?.[1]
      if (written !== undefined) assert.deepEqual(readPortWishes({ '1': { name: written } }).problems, [])
    })
  }

  const others: [what: string, value: unknown, at: string, says: string][] = [
    ['a list', [{}], 'exposePort.ports: ', 'must be an object: { "3000"'],
    ['a text', 'bot', 'exposePort.ports: ', 'must be an object'],
    ['a word for a port', { bot: {} }, 'exposePort.ports › "bot": ', 'is not a port; write "3000"'],
    ['port 0', { '0': {} }, 'exposePort.ports › "0": ', 'is not a port'],
    ['port 65536', { '65536': {} }, 'exposePort.ports › "65536": ', 'is not a port'],
    ['a host without a port', { 'db.lan': {} }, 'exposePort.ports › "db.lan": ', 'or "host:3000"'],
    ['a URL', { 'http://a:1': {} }, 'exposePort.ports › "http://a:1": ', 'is not a port'],
    ['a name alone', { '3000': 'bot' }, 'exposePort.ports › "3000": ', 'must be an object: { "name"'],
    [
      'a field that is not there yet',
      { '3000': { server: 'x' } },
      'exposePort.ports › "3000" › "server": ',
      'the fields are name, host, capture, answerWithin, hold and access',
    ],
    [
      'one name for two ports',
      { '1': { name: 'a' }, '2': { name: 'a' } },
      'exposePort.ports › "2" › "name": ',
      '"a" is the name of another port too',
    ],
    [
      'one port in two ways',
      { '1': { name: 'a' }, 'localhost:1': { name: 'b' } },
      'exposePort.ports › "localhost:1": ',
      'means the same as "1"',
    ],
  ]
  for (const [what, value, at, says] of others) {
    it(`names the place of ${what}`, () => {
      const { problems } = readPortWishes(value)
      assert.equal(problems.length, 1)
      const text = formatPortProblem(problems[0]!)
      assert.ok(text.startsWith(at) && text.includes(says), text)
    })
  }

  it('never throws, and yields only DNS labels', () => {
    const pick = random(3)
    const letters = ['a', 'Z', '0', '-', '.', '_', ' ', 'é', '日', '\ud800', '{', '\0', ':', '🚀']
    const text = () => Array.from({ length: pick.below(80) }, () => pick.from(letters)).join('')
    for (let round = 0; round < 1500; round++) {
      const { wishes, problems } = readPortWishes({ [text()]: { name: 'a' }, '1': { name: text() } })
      for (const { name = 'a' } of wishes.values()) assert.match(name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
      for (const problem of problems) assert.ok(formatPortProblem(problem).length < 500)
    }
  })
})

describe('how long an app may take', () => {
  const times: [text: unknown, ms: number | undefined][] = [
    ['30s', 30_000],
    ['100ms', 100],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['99ms', undefined],
    ['61m', undefined],
    ['30', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['30 s', undefined],
    ['', undefined],
    [30, undefined],
    [null, undefined],
  ]
  for (const [text, ms] of times) {
    it(`${JSON.stringify(text)} is ${ms === undefined ? 'no such time' : `${ms} ms`}`, () => {
      const { wishes, problems } = readPortWishes({ '3000': { answerWithin: text } })
      assert.deepEqual(gateFor(wishes, local(3000)), ms === undefined ? {} : { answerWithinMs: ms })
      assert.deepEqual(
        problems.map(formatPortProblem),
        ms === undefined
          ? ['exposePort.ports › "3000" › "answerWithin": must be a time from "100ms" to "1h", such as "30s"']
          : [],
      )
    })
  }
})

describe('what is held while the app is down', () => {
  const right: [value: unknown, hold: HoldOptions | undefined][] = [
    [true, usualHold],
    [{}, usualHold],
    [false, undefined],
    [{ paths: ['/a', '/b/c', '/d/*', '/*'] }, { ...usualHold, paths: ['/a', '/b/c', '/d/*', '/*'] }],
    [
      { atMost: 5, for: '1h' },
      { ...usualHold, atMost: 5, forMs: 3_600_000 },
    ],
    [{ answerAfter: '0s' }, { ...usualHold, answerAfterMs: 0 }],
  ]
  for (const [value, hold] of right) {
    it(`takes ${JSON.stringify(value)}`, () => {
      const { wishes, problems } = readPortWishes({ '3000': { hold: value } })
      assert.deepEqual(problems, [])
      assert.deepEqual(gateFor(wishes, local(3000)), hold === undefined ? {} : { hold })
    })
  }

  const wrong: [value: unknown, says: string][] = [
    ['yes', 'must be true, false, or an object'],
    [null, 'must be true, false, or an object'],
    [['/a'], 'must be true, false, or an object'],
    [{ path: '/a' }, '"path" is not a field of it; the fields are paths, atMost, for and answerAfter'],
    [{ constructor: 1 }, '"constructor" is not a field'],
    [{ paths: '/a' }, '"paths" must be a list of paths'],
    [{ paths: ['a'] }, '"paths" must be a list of paths'],
    [{ paths: ['/a*'] }, '"paths" must be a list of paths'],
    [{ paths: ['/*/a'] }, '"paths" must be a list of paths'],
    [{ paths: ['/a?b'] }, '"paths" must be a list of paths'],
    [{ atMost: 0 }, '"atMost" must be a whole number from 1 to 1000'],
    [{ atMost: 1.5 }, '"atMost" must be a whole number'],
    [{ for: '25h' }, '"for" must be a time from "1s" to "24h", such as "10m"'],
    [{ answerAfter: '1m' }, '"answerAfter" must be a time from "0s" to "30s", such as "3s"'],
  ]
  for (const [value, says] of wrong) {
    it(`does not take ${JSON.stringify(value)}, and says what to write`, () => {
      const { wishes, problems } = readPortWishes({ '3000': { name: 'a', hold: value } })
      assert.deepEqual(wishes.get('3000'), { name: 'a', gate: {} })
      assert.equal(problems.length, 1)
      const text = formatPortProblem(problems[0]!)
      assert.ok(text.startsWith(`exposePort.ports › "3000" › "hold": ${says}`), text)
    })
  }
})

describe('nameFor', () => {
  const { wishes } = readPortWishes({ '3000': { name: 'my-bot' }, 'db.lan:3000': { name: 'db' } })

  it('is the user’s own, for that port on that machine', () => {
    assert.equal(nameFor({ wishes, target: local(3000), folder: 'app' }), 'my-bot')
    assert.equal(nameFor({ wishes, target: { host: 'DB.lan', port: 3000 }, folder: 'app' }), 'db')
  })

  it('is made from folder and port otherwise', () => {
    assert.equal(nameFor({ wishes, target: local(3001), folder: 'app' }), 'app-3001')
    assert.equal(
      nameFor({ wishes, target: { host: 'other.lan', port: 3000 }, folder: undefined }),
      'port-3000',
    )
    const short = nameFor({ wishes, target: local(3001), folder: 'a'.repeat(90), longest: 30 })
    assert.equal(short.length, 30)
  })

  it('says when the user’s own does not fit, and never changes it', () => {
    assert.equal(nameFor({ wishes, target: local(3000), folder: 'app', longest: 6 }), 'my-bot')
    assert.throws(() => nameFor({ wishes, target: local(3000), folder: 'app', longest: 5 }), {
      kind: 'name-too-long',
      hop: 'settings',
      message: /"my-bot" of port 3000 has 6 characters, and the server has room for 5/,
      canHeal: false,
    })
  })
})

describe('keyOf', () => {
  it('writes a target as it stands in the settings', () => {
    assert.equal(keyOf(local(3000)), '3000')
    assert.equal(keyOf({ host: 'db.lan', port: 3000 }), 'db.lan:3000')
    assert.equal(keyOf({ host: '::1', port: 3000 }), '[::1]:3000')
  })
})
