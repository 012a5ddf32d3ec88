import assert from 'node:assert/strict'
import { createScanner, parse, type ParseError } from 'jsonc-parser'
import { addServerTo, removeServerFrom, replaceServerIn, valueIn } from '../../../src/servers/settingsEdit'
import { random, type Random } from './random'

const path = ['exposePort.servers']
const entry = { ssh: 'a@b', bind: '127.0.0.1:8080' }
const add = (text: string) => addServerTo(text, path, 'new', entry)
const lines = (...each: string[]) => each.join('\n')

describe('addServerTo', () => {
  const whole = lines(
    '{',
    '    "exposePort.servers": {',
    '        "new": {',
    '            "ssh": "a@b",',
    '            "bind": "127.0.0.1:8080"',
    '        }',
    '    }',
    '}',
  )
  const rows: [what: string, before: string, after: string][] = [
    ['an empty file', '', `${whole}\n`],
    ['a file of comments', '// mine\n', `// mine\n${whole}\n`],
    ['a file of a comment without its end of line', '// mine', `// mine\n${whole}\n`],
    ['an empty object', '{}', whole],
    ['an empty object over lines', '{\n}', whole],
    ['an empty setting', '{\n    "exposePort.servers": {}\n}', whole],
    [
      'other settings',
      lines('{', '  // mine', '  "a": 1 // one', '}'),
      lines(
        '{',
        '  // mine',
        '  "a": 1, // one',
        '  "exposePort.servers": {',
        '    "new": {',
        '      "ssh": "a@b",',
        '      "bind": "127.0.0.1:8080"',
        '    }',
        '  }',
        '}',
      ),
    ],
    [
      'servers with comments in, behind and between',
      lines(
        '{',
        '\t"exposePort.servers": { // all of them',
        '\t\t// the first',
        '\t\t"old": { "ssh": "x" /* who? */ }, // the old one',
        '\t\t// "older": {}',
        '\t}, // end',
        '\t"z": 1',
        '}',
      ),
      lines(
        '{',
        '\t"exposePort.servers": { // all of them',
        '\t\t// the first',
        '\t\t"old": { "ssh": "x" /* who? */ }, // the old one',
        '\t\t"new": {',
        '\t\t\t"ssh": "a@b",',
        '\t\t\t"bind": "127.0.0.1:8080"',
        '\t\t},',
        '\t\t// "older": {}',
        '\t}, // end',
        '\t"z": 1',
        '}',
      ),
    ],
    [
      'no comma behind the last, and a comment',
      lines('{', '  "exposePort.servers": {', '    "old": {} // the old one', '  }', '}'),
      lines(
        '{',
        '  "exposePort.servers": {',
        '    "old": {}, // the old one',
        '    "new": {',
        '      "ssh": "a@b",',
        '      "bind": "127.0.0.1:8080"',
        '    }',
        '  }',
        '}',
      ),
    ],
    [
      'a comma on a line of its own',
      lines('{', '  "exposePort.servers": {', '    "old": {}', '    , // comma', '  }', '}'),
      lines(
        '{',
        '  "exposePort.servers": {',
        '    "old": {}',
        '    , // comma',
        '    "new": {',
        '      "ssh": "a@b",',
        '      "bind": "127.0.0.1:8080"',
        '    },',
        '  }',
        '}',
      ),
    ],
    [
      'nothing but comments where servers go',
      lines('{', '  "exposePort.servers": {', '    // none yet', '  }', '}'),
      lines(
        '{',
        '  "exposePort.servers": {',
        '    // none yet',
        '    "new": {',
        '      "ssh": "a@b",',
        '      "bind": "127.0.0.1:8080"',
        '    }',
        '  }',
        '}',
      ),
    ],
    [
      'everything in one line',
      '{ "exposePort.servers": { "old": {} /* old */ } }',
      '{ "exposePort.servers": { "old": {}, /* old */ "new": { "ssh": "a@b", "bind": "127.0.0.1:8080" } } }',
    ],
    [
      'everything in one line, with commas behind',
      '{"exposePort.servers":{"old":{},},}',
      '{"exposePort.servers":{"old":{}, "new": { "ssh": "a@b", "bind": "127.0.0.1:8080" },},}',
    ],
    [
      'the setting twice, of which the last one counts',
      lines('{', '  "exposePort.servers": {},', '  "exposePort.servers": { "old": {} }', '}'),
      lines(
        '{',
        '  "exposePort.servers": {},',
        '  "exposePort.servers": { "old": {}, "new": { "ssh": "a@b", "bind": "127.0.0.1:8080" } }',
        '}',
      ),
    ],
  ]
  for (const [what, before, after] of rows) {
    it(`keeps ${what}`, () => assert.equal(add(before), after))
    it(`keeps ${what}, with line ends of Windows and a byte order mark`, () => {
      if (!before.includes('\n')) return
      const windows = (text: string) => `\ufeff${text.replaceAll('\n', '\r\n')}`
      assert.equal(add(windows(before)), windows(after))
    })
  }

  it('keeps what is behind the object', () => {
    assert.equal(add('{} // end\n\n'), `${whole} // end\n\n`)
  })

  it('writes ids and values as JSON wants them', () => {
    const id = 'a"b\\c\n'
    const text = addServerTo('{}', path, id, { ssh: 'x\n"y"' })
    assert.deepEqual(parse(text), { 'exposePort.servers': { [id]: { ssh: 'x\n"y"' } } })
  })

  const refused: [what: string, text: string, said: RegExp][] = [
    ['a brace that is missing', '{\n  "a": 1', /^Line 2: Close brace expected\.$/],
    ['a comma that is missing', '{\n  "a": 1\n  "b": 2\n}', /^Line 3: Comma expected\.$/],
    ['a comma that is missing, of Windows', '{\r\n  "a": 1\r\n  "b": 2\r\n}', /^Line 3: Comma expected\.$/],
    ['a comment without an end', '{} /* ', /^Line 1: Unexpected end of comment\.$/],
    ['words', 'hello', /^Line 1: Invalid symbol\.$/],
    ['a list', '[]', /^It is not an object\.$/],
    ['servers that are a list', '{"exposePort.servers": []}', /^"exposePort.servers" is not an object\.$/],
    ['servers that are null', '{"exposePort.servers": null}', /^"exposePort.servers" is not an object\.$/],
    ['a server of that name', '{"exposePort.servers": {"new": {}}}', /^There is a server "new" already\.$/],
    ['a server of that name, though broken', '{"exposePort.servers": {"new": 1}}', /already\.$/],
  ]
  for (const [what, text, said] of refused) {
    it(`does not touch ${what}, and says why`, () =>
      assert.throws(() => add(text), { kind: 'settings-not-editable', hop: 'settings', said }))
  }
})

describe('replaceServerIn', () => {
  const before = lines(
    '{',
    '  "exposePort.servers": {',
    '    "s": { // mine',
    '      // log in',
    '      "ssh": "old", // who',
    '      "tls": "server", // gone soon',
    '      "bind": "/a"',
    '    } // end',
    '  }',
    '}',
  )
  const replace = (text: string, value: object) => replaceServerIn(text, path, 's', value)

  it('changes only the fields that differ', () => {
    assert.equal(replace(before, { ssh: 'new', tls: 'server', bind: '/a' }), before.replace('"old"', '"new"'))
    assert.equal(replace(before, { bind: '/a', tls: 'server', ssh: 'old' }), before)
  })

  it('puts new fields behind the others, and takes fields away', () => {
    assert.equal(
      replace(before, { ssh: 'old', bind: '/a', publicUrl: 'https://b' }),
      before
        .replace('"tls": "server", // gone soon', '// gone soon')
        .replace('"bind": "/a"', '"bind": "/a",\n      "publicUrl": "https://b"'),
    )
  })

  it('may take every field away, and change what was no object', () => {
    assert.deepEqual(valueIn(replace(before, {}), [...path, 's']), {})
    assert.deepEqual(valueIn(replace('{"exposePort.servers":{"s":1}}', entry), [...path, 's']), entry)
  })

  it('refuses where there is no such server', () => {
    for (const text of ['', '{}', '{"exposePort.servers":{}}', '{"exposePort.servers":{"S":{}}}']) {
      assert.throws(() => replace(text, entry), {
        kind: 'settings-not-editable',
        said: 'There is no server "s".',
      })
    }
  })
})

describe('removeServerFrom', () => {
  const servers = (...each: string[]) => lines('{', '  "exposePort.servers": {', ...each, '  }', '}')
  const rows: [what: string, before: string, after: string][] = [
    ['the only one', servers('    "s": {}'), servers()],
    [
      'the first',
      servers('    // a', '    "s": {}, // about s', '    "t": {} // t'),
      servers('    // a', '    // about s', '    "t": {} // t'),
    ],
    [
      'the last',
      servers('    "t": {}, // t', '    // b', '    "s": {}'),
      servers('    "t": {} // t', '    // b'),
    ],
    ['the last with a comma', servers('    "t": {},', '    "s": {},'), servers('    "t": {},')],
    [
      'one over lines',
      servers('    "t": {},', '    "s": {', '      // in it', '    },', '    "u": {}'),
      servers('    "t": {},', '    "u": {}'),
    ],
    [
      'one in a line',
      '{"exposePort.servers":{"t":{},"s":{},"u":{}}}',
      '{"exposePort.servers":{"t":{},"u":{}}}',
    ],
    [
      'the last in a line',
      '{"exposePort.servers":{"t":{} /* t */,"s":{}}}',
      '{"exposePort.servers":{"t":{} /* t */}}',
    ],
    [
      'one with a comment before its comma',
      servers('    "s": {} /* s */, "t": {}'),
      servers('    /* s */ "t": {}'),
    ],
  ]
  for (const [what, before, after] of rows) {
    it(`takes away ${what}, and no comment`, () => assert.equal(removeServerFrom(before, path, 's'), after))
  }
})

describe('an edit of settings.json', () => {
  it('keeps every other setting and every comment, whatever the file looks like', () => {
    const pick = random(4)
    for (let round = 0; round < 1500; round++) {
      const before = anySettings(pick)
      const value = read(before)
      const servers = (value['exposePort.servers'] ?? {}) as Record<string, object>

      const added = add(before)
      assert.deepEqual(read(added), { ...value, 'exposePort.servers': { ...servers, new: entry } }, added)
      assert.deepEqual(comments(added), comments(before), added)
      assert.equal(added.includes('\r\n') && /[^\r]\n/.test(added), false, JSON.stringify(added))

      const removed = removeServerFrom(added, path, 'new')
      assert.deepEqual(read(removed), { ...value, 'exposePort.servers': servers }, removed)
      assert.deepEqual(comments(removed), comments(before), removed)

      const changed = replaceServerIn(added, path, 'new', { tls: 'none', bind: '/x' })
      assert.deepEqual(valueIn(changed, [...path, 'new']), { tls: 'none', bind: '/x' }, changed)
      assert.deepEqual(comments(changed), comments(before), changed)
    }
  })
})

function read(text: string): Record<string, unknown> {
  const errors: ParseError[] = []
  const value: unknown = parse(text.replace(/^\ufeff/, ''), errors, {
    allowTrailingComma: true,
    allowEmptyContent: true,
  })
  assert.deepEqual(errors, [], text)
  return (value ?? {}) as Record<string, unknown>
}

/** In their order. */
function comments(text: string): string[] {
  const scanner = createScanner(text.replace(/^\ufeff/, ''), false)
  const found: string[] = []
  while (scanner.getPosition() < text.length) {
    scanner.scan()
    const value = scanner.getTokenValue()
    if (/^\/[/*]/.test(value)) found.push(value)
    if (scanner.getTokenLength() === 0) break
  }
  return found
}

/** A settings.json as people have them, and as nobody would. */
function anySettings(pick: Random): string {
  const eol = pick.from(['\n', '\r\n'])
  const trivia = () =>
    Array.from({ length: pick.below(4) }, () =>
      pick.from([
        ' ',
        '\t',
        '    ',
        eol,
        `// c${pick.below(99)}, { "a": 1 }${eol}`,
        `/* c${pick.below(99)}${eol} } */`,
        '/**/',
      ]),
    ).join('')
  const object = (properties: string[]) => {
    const listed = properties.map((each) => `${trivia()}${each}${trivia()}`).join(',')
    const comma = properties.length > 0 && pick.below(3) === 0 ? `,${trivia()}` : ''
    return `{${listed}${comma}${properties.length === 0 ? trivia() : ''}}`
  }
  const property = (key: string, value: string) => `${JSON.stringify(key)}${trivia()}:${trivia()}${value}`
  const some = (prefix: string) =>
    Array.from({ length: pick.below(3) }, (_, index) =>
      property(`${prefix}${index}`, pick.from(['1', '"// no comment"', '"}"', '{}', '[1,2]', object([])])),
    )
  const servers = pick.below(4) === 0 ? [] : [property('exposePort.servers', object(some('s')))]
  const mark = pick.below(5) === 0 ? '\ufeff' : ''
  if (pick.below(20) === 0) return mark + trivia()
  return `${mark}${trivia()}${object([...some('a'), ...servers, ...some('b')])}${trivia()}`
}
