import assert from 'node:assert/strict'
import { formatAddress, formatHostPort } from '../../../src/base/address'
import { Cancelled, Failure, isCancelled } from '../../../src/base/failure'

describe('isCancelled', () => {
  const abort = new AbortController()
  abort.abort()
  const failure = new Failure({ kind: 'k', hop: 'TCP', message: 'm', advice: 'a', canHeal: true })
  const rows: [string, unknown, boolean][] = [
    ['our own', new Cancelled(), true],
    ['an AbortSignal’s reason', abort.signal.reason, true],
    ['a failure', failure, false],
    ['any other error', new Error('AbortError'), false],
    ['a text', 'cancelled', false],
    ['nothing', undefined, false],
    ['a time-out', new DOMException('late', 'TimeoutError'), false],
  ]
  for (const [what, error, expected] of rows) {
    it(`${expected ? 'knows' : 'does not take for one'}: ${what}`, () =>
      assert.equal(isCancelled(error), expected))
  }
})

describe('Failure', () => {
  it('is an Error that keeps its cause, and has no remedies unless given', () => {
    const cause = new Error('ECONNREFUSED')
    const failure = new Failure({ kind: 'k', hop: 'TCP', message: 'm', advice: 'a', canHeal: false, cause })
    assert.ok(failure instanceof Error)
    assert.deepEqual(
      [failure.name, failure.message, failure.cause, failure.said, failure.remedies],
      ['Failure', 'm', cause, undefined, []],
    )
  })
})

describe('formatAddress', () => {
  const rows: [ReturnType<typeof formatAddress>, Parameters<typeof formatAddress>[0]][] = [
    ['127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['[::1]:8080', { kind: 'tcp', host: '::1', port: 8080 }],
    ['localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }],
    ['/run/expose/a.sock', { kind: 'unix', path: '/run/expose/a.sock' }],
  ]
  for (const [text, address] of rows) it(`writes ${text}`, () => assert.equal(formatAddress(address), text))

  it('brackets IPv6 only', () => {
    assert.equal(formatHostPort('dev.example.com', 22), 'dev.example.com:22')
    assert.equal(formatHostPort('2001:db8::1', 22), '[2001:db8::1]:22')
  })
})
