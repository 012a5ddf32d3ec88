import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { formatKnownHost, knownHostName, parseKnownHosts } from '../../../src/ssh/knownHosts'
import { fixture, publicKey, publicKeyLine } from './fixture'

const key = publicKeyLine('ed25519-a')

describe('parseKnownHosts', () => {
  const hosts = parseKnownHosts(fixture('known_hosts/known_hosts'), '/home/ada/.ssh/known_hosts')

  for (const line of fixture('known_hosts/ssh-keygen-F.txt').trimEnd().split('\n')) {
    const [name = '', ...lines] = line.split(' ')
    it(`finds for ${name} the lines that ssh-keygen -F finds`, () =>
      assert.deepEqual(
        hosts.filter((host) => host.matches(knownHostName(name, 22))).map((host) => String(host.line)),
        lines,
      ))
  }

  it('reads the key, the marker, the file and the line', () => {
    const at = (line: number) => hosts.find((host) => host.line === line)
    assert.deepEqual(at(3)?.key, publicKey('ed25519-a'))
    assert.deepEqual(at(4)?.key, publicKey('rsa-a'))
    assert.deepEqual(at(10)?.key, publicKey('ed25519-a'), 'spaces and tabs in any number')
    assert.deepEqual(
      [3, 12, 13].map((line) => at(line)?.marker),
      ['none', 'revoked', 'cert-authority'],
    )
    assert.ok(hosts.every((host) => host.file === '/home/ada/.ssh/known_hosts'))
    assert.deepEqual(at(14), undefined, 'a comment')
    assert.deepEqual(at(15), undefined, 'a marker it does not know')
  })

  it('reads what ssh-keygen -H hashed', () => {
    const hashed = parseKnownHosts(fixture('known_hosts/hashed'), 'hashed')
    const before = fixture('known_hosts/before-hashing').trimEnd().split('\n')
    assert.equal(hashed.length, before.length)
    const names = before.map((line) => knownHostName(line.split(' ')[0] ?? '', 22))
    for (const [index, name] of names.entries()) {
      assert.deepEqual(
        hosts_(hashed, name).map((host) => host.line),
        [index + 1],
        name,
      )
      assert.equal(`${hashed[index]?.key.blob.toString('base64')}`, before[index]?.split(' ')[2])
    }
    for (const other of ['example.com', '*', 'dev.example.com:2222', '[dev.example.com]:22', '']) {
      assert.deepEqual(hosts_(hashed, other), [], other)
    }
  })

  const hosts_ = (all: typeof hosts, name: string) => all.filter((host) => host.matches(name))

  it('reads files with CRLF, without a last line break, and with a byte of Latin-1', () => {
    const text = `dev ${key}\r\n\r\n# comment\r\nother ${key} caf\uFFFD\r\nlast ${key}`
    assert.deepEqual(
      parseKnownHosts(text, 'f').map(({ line, key: { blob } }) => [line, blob.toString('base64')]),
      [1, 4, 5].map((line) => [line, key.split(' ')[1]]),
    )
  })

  const [type = '', base64 = ''] = key.split(' ')
  const bad: [string, string][] = [
    ['nothing but a name', 'dev'],
    ['no key', 'dev ssh-ed25519'],
    ['a type that is not the key’s', `dev ssh-rsa ${base64}`],
    ['no base64', 'dev ssh-ed25519 ***'],
    ['a key that was cut off', `dev ${type} ${base64.slice(0, 50)}`],
    ['a line of SSH 1', 'dev 1024 35 133834…'],
    ['a marker alone', '@revoked'],
    ['a marker without a key', `@revoked dev ${type}`],
    ['two markers', `@revoked @cert-authority dev ${key}`],
    ['a marker in capitals', `@REVOKED dev ${key}`],
    ['a hash of another kind', `|2|c2FsdHNhbHRzYWx0c2FsdHNhbHQ=|aGFzaGhhc2hoYXNoaGFzaGhhc2g= ${key}`],
    ['a hash that is too short', `|1|c2FsdHNhbHRzYWx0c2FsdHNhbHQ=|aGFzaA== ${key}`],
    ['a hash without its half', `|1|c2FsdHNhbHRzYWx0c2FsdHNhbHQ= ${key}`],
    ['a hash alone', `|1| ${key}`],
    ['bytes', '\0\u0001\u0002 \u0003 \u0004'],
  ]
  for (const [what, line] of bad) {
    it(`passes over ${what}, and reads the lines around it`, () =>
      assert.deepEqual(
        parseKnownHosts(`a ${key}\n${line}\nb ${key}\n`, 'f').map((host) => host.line),
        [1, 3],
      ))
  }

  const patterns: [pattern: string, name: string, matches: boolean][] = [
    ['*', 'anything', true],
    ['*', '', true],
    ['?', 'a', true],
    ['?', '', false],
    ['?', 'ab', false],
    ['a*b*c', 'aXXbYYc', true],
    ['a*b*c', 'aXXcYYb', false],
    ['a*', 'a', true],
    ['**a**', 'xay', true],
    ['*.example.com', 'example.com', false],
    ['*.EXAMPLE.com', 'a.example.com', true],
    ['a.b', 'axb', false],
    ['[a-z]', 'b', false],
    ['[dev]:2222', '[dev]:2222', true],
    ['[dev]:*', '[dev]:2222', true],
    ['!*', 'dev', false],
    ['dev,!dev', 'dev', false],
    ['!dev,dev', 'dev', false],
    ['*,!dev', 'other', true],
    ['a,,b', 'b', true],
    ['a|b', 'b', false],
    ['*a*a*a*a*a*b', 'aaaaaaaaaab', true],
  ]
  for (const [pattern, name, matches] of patterns) {
    it(`${pattern} ${matches ? 'matches' : 'does not match'} ${name || 'the empty name'}`, () =>
      assert.equal(parseKnownHosts(`${pattern} ${key}`, 'f')[0]?.matches(name), matches))
  }

  const hostile: [string, string, string][] = [
    ['many stars', '*a'.repeat(500), 'a'.repeat(2000)],
    ['stars and a letter that never comes', `${'a*'.repeat(1000)}b`, 'a'.repeat(255)],
    ['questions', '?*'.repeat(5000), 'a'.repeat(255)],
    ['a list of stars', '*a*a*a*a*b,'.repeat(5000), 'a'.repeat(255)],
  ]
  for (const [what, pattern, name] of hostile) {
    it(`comes to an end with a hostile pattern: ${what}`, () => {
      const [host] = parseKnownHosts(`${pattern} ${key}`, 'f')
      assert.equal(typeof host?.matches(name), 'boolean')
    })
  }
})

describe('knownHostName', () => {
  const rows: [string, number, string][] = [
    ['dev.example.com', 22, 'dev.example.com'],
    ['Dev.Example.COM', 22, 'dev.example.com'],
    ['dev.example.com', 2222, '[dev.example.com]:2222'],
    ['2001:DB8::7', 22, '2001:db8::7'],
    ['2001:db8::7', 2222, '[2001:db8::7]:2222'],
  ]
  for (const [host, port, name] of rows) {
    it(`files ${host} port ${port} under ${name}`, () => assert.equal(knownHostName(host, port), name))
  }
})

describe('formatKnownHost', () => {
  const names = ['dev.example.com', '[dev.example.com]:2222', '[2001:db8::7]:2222']

  it('writes the line that ssh writes', () => {
    assert.equal(
      `${formatKnownHost('dev.example.com', publicKey('ed25519-a'))}\n`,
      fixture('known_hosts/before-hashing').split(/(?<=\n)/)[0],
    )
  })

  it('hashes a name with the same salt as ssh-keygen -H does', () => {
    for (const [index, line] of fixture('known_hosts/hashed').trimEnd().split('\n').entries()) {
      const before = fixture('known_hosts/before-hashing').split('\n')[index] ?? ''
      const salt = Buffer.from(line.split('|')[2] ?? '', 'base64')
      const [host = '', , blob = ''] = before.split(' ')
      const [read] = parseKnownHosts(before, 'f')
      assert.ok(read)
      assert.equal(formatKnownHost(knownHostName(host, 22), read.key, salt), line)
      assert.ok(line.includes(blob))
    }
  })

  for (const name of names) {
    it(`is read again, plain and hashed: ${name}`, () => {
      for (const salt of [undefined, randomBytes(20)]) {
        const line = formatKnownHost(name, publicKey('rsa-a'), salt)
        assert.equal(line.includes('example') || line.includes('2001'), salt === undefined)
        const [host, ...more] = parseKnownHosts(line, 'f')
        assert.ok(host)
        assert.deepEqual(more, [])
        assert.deepEqual([host.matches(name), host.matches(`${name}0`)], [true, false])
      }
    })
  }
})
