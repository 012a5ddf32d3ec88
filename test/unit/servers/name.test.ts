import assert from 'node:assert/strict'
import { dnsLabel, tunnelName } from '../../../src/servers/name'

/** RFC 1035 2.3.1, with the digit in front that RFC 1123 2.1 allows. */
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

describe('tunnelName', () => {
  // The URL is made of these: a change here changes people's URLs.
  const rows: [folder: string | undefined, port: number, name: string][] = [
    ['my-app', 3000, 'my-app-3000'],
    ['My App', 3000, 'my-app-3000'],
    ['my_app.v2', 8080, 'my-app-v2-8080'],
    ['--my--app--', 1, 'my-app-1'],
    ['2048', 65535, '2048-65535'],
    ['Café Zürich', 80, 'cafe-zurich-80'],
    ['ﬁle ①', 80, 'file-1-80'],
    ['İstanbul', 80, 'istanbul-80'],
    ['app 日本', 80, 'app-80'],
    ['xn--bcher-kva', 80, 'xn-bcher-kva-80'],
    ['../../etc/passwd', 80, 'etc-passwd-80'],
    ['{name}', 80, 'name-80'],
    ['a.b/c\\d:e;f\n', 80, 'a-b-c-d-e-f-80'],
    [undefined, 3000, 'port-3000'],
    ['', 3000, 'port-3000'],
    ['日本語', 3000, 'p77710a-3000'],
    ['---', 3000, 'pcb3f91-3000'],
    ['a'.repeat(58), 3000, `${'a'.repeat(58)}-3000`],
    ['a'.repeat(59), 3000, `${'a'.repeat(51)}-111bb2-3000`],
  ]
  for (const [folder, port, name] of rows) {
    it(`calls port ${port} of ${JSON.stringify(folder?.slice(0, 30))} ${name}`, () =>
      assert.equal(tunnelName(folder, port), name))
  }

  it('makes do with less room, where the URL or the socket’s path has less', () => {
    assert.equal(tunnelName('my-app', 3000, 20), 'my-app-3000')
    assert.equal(tunnelName('a-rather-long-folder', 3000, 20), 'a-rather-f26289-3000')
    for (let longest = 20; longest <= 63; longest++) {
      for (const folder of ['app', 'a'.repeat(90), 'b-'.repeat(40), undefined]) {
        const name = tunnelName(folder, 65535, longest)
        assert.ok(name.length <= longest && label.test(name) && name.endsWith('-65535'), name)
      }
    }
  })

  it('tells long folders apart that begin alike', () => {
    const long = 'a-very-long-name-of-a-folder-that-somebody-made-for-a-demonstration'
    const names = ['one', 'two', 'three'].map((end) => tunnelName(`${long}-${end}`, 3000))
    assert.equal(new Set(names).size, 3)
  })

  it('tells folders apart of which no letter can stay', () => {
    assert.notEqual(tunnelName('日本', 1), tunnelName('中国', 1))
    assert.notEqual(tunnelName('🚀', 1), tunnelName('🐢', 1))
  })

  it('tells ports apart, whatever the folder', () => {
    for (const folder of ['app', 'a'.repeat(300), '日本', undefined]) {
      const names = [1, 80, 8080, 65535].map((port) => tunnelName(folder, port))
      assert.equal(new Set(names).size, 4)
    }
  })

  it('leaves no two dashes where a long name is cut', () => {
    for (let letters = 40; letters < 70; letters++) {
      assert.doesNotMatch(tunnelName(`${'a'.repeat(letters)} b c d e f g h i j k`, 3000), /--/)
    }
  })

  it('is always a DNS label, and the same each time, whatever a folder is called', () => {
    for (const folder of randomTexts(4000)) {
      for (const port of [1, 3000, 65535]) {
        const name = tunnelName(folder, port)
        assert.match(name, label, JSON.stringify(folder))
        assert.ok(name.endsWith(`-${port}`))
        assert.equal(tunnelName(folder, port), name)
      }
    }
  })
})

describe('dnsLabel', () => {
  it('is empty where nothing can stay', () => {
    for (const text of ['', '-', '日本', '🚀', '\0', '\ud800']) assert.equal(dnsLabel(text), '')
  })
})

/** The same texts at each run: letters of many scripts, marks, signs, half surrogates, and every length. */
function* randomTexts(count: number): Generator<string> {
  let state = 42
  const below = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const ranges = [0x80, 0x250, 0x3000, 0xffff, 0x1ffff]
  for (let text = 0; text < count; text++) {
    const range = ranges[below(ranges.length)] ?? 0x80
    yield Array.from({ length: below(text % 10 === 0 ? 300 : 20) }, () =>
      String.fromCodePoint(below(range)),
    ).join('')
  }
}
