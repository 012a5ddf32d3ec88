import assert from 'node:assert/strict'
import { Redactor } from '../../../src/base/redactor'

const pem = (label: string, newline = '\n') =>
  [
    `-----BEGIN ${label}-----`,
    'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW',
    'QyNTUxOQAAACC2OJy5sOObvWu2eQJXVvmTOm5YS1gkb3VzZQ==',
    `-----END ${label}-----`,
  ].join(newline)

describe('Redactor, by form', () => {
  const redact = (text: string) => new Redactor().redact(text)

  /** What stands between guillemets must go; the rest must stay. */
  const rows: string[] = [
    `key: «${pem('OPENSSH PRIVATE KEY')}» after`,
    `«${pem('RSA PRIVATE KEY')}»\n«${pem('EC PRIVATE KEY')}»`,
    `«${pem('ENCRYPTED PRIVATE KEY')}»`,
    `«${pem('PRIVATE KEY', '\r\n')}»`,
    `{"key":"«${pem('OPENSSH PRIVATE KEY', '\\n')}\\n»"}`.replace('\\n»', '»\\n'),
    `cut off: «${pem('OPENSSH PRIVATE KEY').slice(0, 90)}»`,
    'Authorization: «Bearer abc.def-ghi_jkl»\nHost: dev.example.com',
    'authorization: «Basic YWRhOnNlY3JldA==»\r\nAccept: */*',
    'AUTHORIZATION:«token»',
    'Proxy-Authorization: «Digest username="ada", response="6629fae49393a05397450978507c4ef1"»',
    'Cookie: «sid=31d4d96e407aad42; theme="dark"»',
    'Set-Cookie: «sid=31d4d96e407aad42; Path=/; HttpOnly»',
    'X-API-Key: «0123456789»',
    '{"authorization":"«Bearer abc.def»","host":"dev.example.com"}',
    '{"cookie":"«a=\\"quoted\\"; b=2»","host":"x"}',
    '{"set-cookie":«["sid=abc; Path=/","t=1"]»,"server":"nginx"}',
    "{ authorization: '«Bearer abc»', host: 'dev.example.com' }",
    '["Authorization","Bearer «abc.def.ghi.jkl»"]',
    'sent Bearer «eyJhbGciOiJIUzI1NiJ9.e30.x-y_z» to it',
    'curl -H "Authorization: «Bearer eyJhbGciOiJIUzI1NiJ9.e30»',
    'https://ada:«hunter2»@dev.example.com/path',
    'https://ada:«p@ss»@dev.example.com:8443/',
    'redis://:«hunter2»@127.0.0.1:6379/0',
    'postgres://ada:«hunter2»@db/app and mysql://bob:«xyzzy»@db/app',
    'password: «hunter2»',
    'password=«hunter2»&user=ada',
    'user=ada;passwd=«hunter2»;host=x',
    '{"password":"«correct horse, battery»","user":"ada"}',
    '{"password": "«a\\"b»", "user": "ada"}',
    "passphrase = '«open sesame»'",
    'client_secret=«0123456789»&grant_type=x',
    'access_token=«0123456789»&refresh_token=«9876543210»',
    '{"accessToken":"«0123456789»"}',
    'TELEGRAM_BOT_TOKEN=«110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw» node bot.js',
    'api_key=«0123456789» apiKey: «0123456789»',
  ]
  for (const row of rows) {
    const text = row.replace(/[«»]/g, '')
    it(`hides the secret of ${JSON.stringify(text.slice(0, 60))}`, () => {
      const secrets = [...row.matchAll(/«([^»]*)»/g)].map((match) => match[1] ?? '')
      const clean = redact(text)
      for (const secret of secrets) assert.ok(!clean.includes(secret), clean)
      for (const word of secrets.flatMap((secret) => secret.match(/[\w+/]{6,}/g) ?? [])) {
        assert.ok(!clean.includes(word), `${word} in ${clean}`)
      }
      const kept = row.split(/«[^»]*»/)
      for (const part of kept)
        for (const word of part.match(/[\w./]+/g) ?? []) assert.ok(clean.includes(word), clean)
      assert.ok(clean.includes('•••'))
    })
  }

  const untouched: string[] = [
    'SHA256:qQqf5cejonk+wVYysM4t/1ARqy0laODHG8f5THIfdrM',
    'host key of [dev.example.com]:2222: ssh-ed25519 SHA256:Ma8cmVd8aW5SZerIQLmwUUXLD9qDDSJKyotSdt8AQVY: trust',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILY4nLmw45u9a7Z5Ak ada@laptop',
    '/home/ada/.ssh/id_ed25519: Cannot parse privateKey: Encrypted private OpenSSH key detected',
    'C:\\Users\\Ada Lovelace\\.ssh\\known_hosts, line 3',
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    'https://my-app-3000.dev.example.com leads to port 3000',
    'https://dev.example.com:8888/a?to=ada@example.com',
    'ssh://deploy@dev.example.com:2222',
    'exposing localhost:3000 at https://dev.example.com through deploy@dev.example.com:2222',
    'deploy@dev.example.com did not let you in. Tried: /home/ada/.ssh/id_rsa, keyboard-interactive, password.',
    'It accepts: publickey, password, keyboard-interactive.',
    'PasswordAuthentication no',
    'negotiated: {"kex":"curve25519-sha256","cs":{"cipher":"aes128-gcm@openssh.com"}}',
    'SyntaxError: Unexpected token } in JSON',
    '/run/expose/my-app-3000.sock',
    'é ü 日本 🚀 “quotes”',
    '',
  ]
  for (const text of untouched) {
    it(`leaves ${JSON.stringify(text.slice(0, 70))}`, () => assert.equal(redact(text), text))
  }

  const hostile: [string, string][] = [
    ['a word of letters', 'a'.repeat(300_000)],
    ['a long chain of dashes', 'a-'.repeat(150_000)],
    ['spaces after a field', `password${' '.repeat(300_000)}`],
    ['many fields', 'token '.repeat(50_000)],
    ['many keys that never end', '-----BEGIN PRIVATE KEY-----'.repeat(10_000)],
    ['many beginnings of keys', '-----BEGIN A '.repeat(20_000)],
    ['many schemes', '://a:'.repeat(60_000)],
    ['an open quote', `cookie: "${'\\"'.repeat(150_000)}`],
    ['an open list', `cookie: [${'"'.repeat(300_000)}`],
  ]
  for (const [what, text] of hostile) {
    // A server's banner and messages are logged: one that took seconds for each would stop the editor.
    it(`takes no longer than its length: ${what}`, () => assert.ok(redact(text).length > 0))
  }
})

describe('Redactor, by what it was told', () => {
  const secrets = [
    'hunter2!',
    'correct horse battery',
    'a"b\\c\nd',
    'pä55wörd€',
    'p+a/s=s?&',
    '~~~???',
    '<>{}[]()',
    'xyz9',
  ]
  const forms: [string, (secret: string) => string][] = [
    ['as it is', (secret) => secret],
    ['in JSON', (secret) => JSON.stringify({ typed: secret })],
    ['URL-encoded', (secret) => `https://x/?q=${encodeURIComponent(secret)}`],
    ['form-encoded', (secret) => new URLSearchParams({ q: secret }).toString()],
    ['in base64', (secret) => Buffer.from(secret).toString('base64')],
    ['in base64url', (secret) => Buffer.from(secret).toString('base64url')],
    ['twice', (secret) => `${secret} and ${secret}`],
  ]
  for (const secret of secrets) {
    for (const [how, encode] of forms) {
      it(`hides ${JSON.stringify(secret)} ${how}`, () => {
        const redactor = new Redactor()
        redactor.add(secret)
        const clean = redactor.redact(`before ${encode(secret)} after`)
        assert.ok(!clean.includes(encode(secret)), clean)
        assert.ok(!clean.includes(secret), clean)
        assert.match(clean, /^before .*•••.* after$/s)
      })
    }
  }

  it('hides a secret whole when another is its beginning, whichever was told first', () => {
    for (const order of [
      ['hunter', 'hunter2-long'],
      ['hunter2-long', 'hunter'],
    ]) {
      const redactor = new Redactor()
      for (const secret of order) redactor.add(secret)
      assert.equal(redactor.redact('x hunter2-long y hunter z'), 'x ••• y ••• z')
    }
  })

  it('does not hide words for a secret of three letters', () => {
    const redactor = new Redactor()
    redactor.add('the')
    redactor.add('')
    assert.equal(redactor.redact('the port'), 'the port')
  })

  it('takes a secret as text, not as a pattern', () => {
    const redactor = new Redactor()
    redactor.add('.*.*')
    assert.equal(redactor.redact('nothing to hide, but .*.* and $&'), 'nothing to hide, but ••• and $&')
  })

  it('takes half a surrogate pair', () => {
    const redactor = new Redactor()
    redactor.add('abc\ud800')
    assert.equal(redactor.redact('abc\ud800!'), '•••!')
  })
})
