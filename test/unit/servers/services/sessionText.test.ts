import assert from 'node:assert/strict'
import { cleanLine, quoteLine, SessionLines } from '../../../../src/servers/services/sessionText'

describe('cleanLine', () => {
  const rows: [what: string, line: string, clean: string][] = [
    ['colours', '\x1b[1;44mHTTPS\x1b[0m: x', 'HTTPS: x'],
    ['colours of 24 bits', '\x1b[38:2::1:2:3mx\x1b[m', 'x'],
    ['cursor movements', '\x1b[2J\x1b[H\x1b[?25lx\x1b[10;20H', 'x'],
    ['a title', '\x1b]0;https://evil.test\x07x', 'x'],
    ['a link with its target', '\x1b]8;;https://evil.test\x1b\\here\x1b]8;;\x1b\\', 'here'],
    ['other sequences', '\x1b(B\x1b=\x1bcx', 'x'],
    ['a device string', '\x1bPq#0\x1b\\x', 'x'],
    ['bells and null bytes', '\x07x\0y\x7f', 'xy'],
    ['what turns the direction of text', 'x\u202Egpj\u2066y\u200Bz', 'xgpjyz'],
    ['blanks around', '  x y\t', 'x y'],
    ['a lone escape', 'x\x1b', 'x'],
    ['a title without an end', '\x1b]0;https://evil.test', ''],
    ['8-bit sequences', '\x9b31mx', '31mx'],
  ]
  for (const [what, line, clean] of rows) {
    it(`takes out ${what}`, () => assert.equal(cleanLine(line), clean))
  }

  it('takes time in proportion to the line', () => {
    const started = performance.now()
    cleanLine('\x1b]'.repeat(30_000))
    cleanLine('\x1b[;'.repeat(20_000))
    cleanLine('\x1bP'.repeat(30_000) + 'x')
    assert.ok(performance.now() - started < 2000)
  })
})

describe('SessionLines', () => {
  const text = '\x1b[44mHTTPS\x1b[0m: https://ä.test\r\n█▀▄\n\nnext\rlast'
  for (const size of [1, 2, 3, 5, 1000]) {
    it(`gives the same lines in chunks of ${size}`, () => {
      const lines = new SessionLines()
      const bytes = Buffer.from(text)
      const heard: string[] = []
      for (let start = 0; start < bytes.length; start += size) {
        heard.push(...lines.push(bytes.subarray(start, start + size)))
      }
      assert.deepEqual(
        heard.filter((line) => line !== ''),
        ['HTTPS: https://ä.test', '█▀▄', 'next'],
      )
      assert.equal(lines.flush(), 'last')
      assert.equal(lines.flush(), '')
    })
  }

  it('forgets a line without end', () => {
    const lines = new SessionLines()
    for (let count = 0; count < 200; count++) assert.deepEqual(lines.push(Buffer.alloc(1000, 'x')), [])
    assert.ok(lines.flush().length < 100_000)
  })
})

describe('quoteLine', () => {
  it('hides the token of a console', () => {
    const quoted = quoteLine('here: https://x.test/_sish/console?x-authorization=abcdefgh')
    assert.doesNotMatch(quoted, /abcdefgh/)
    assert.match(quoted, /^here: https:\/\/x\.test\/_sish\/console/)
  })
  it('keeps a link to where keys are registered', () => {
    const line = 'https://console.serveo.net/ssh/keys?add=SHA256%3AWJDl'
    assert.equal(quoteLine(line), line)
  })
  it('is bounded', () => assert.equal(quoteLine('x'.repeat(1000)).length, 301))
})
