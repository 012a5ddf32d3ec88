import assert from 'node:assert/strict'
import { Redactor } from '../../../src/base/redactor'
import { RememberedPassphrases, type PassphraseDialogs } from '../../../src/ui/rememberedPassphrases'
import { CollectedLog } from '../../support/collectedLog'
import { waitUntil } from '../../support/waitUntil'

type Parts = ConstructorParameters<typeof RememberedPassphrases>[0]

describe('RememberedPassphrases', () => {
  const question = { keyFile: '/home/ada/.ssh/id_ed25519', fingerprint: 'SHA256:abc' }
  let stored: Map<string, string>
  let never: unknown
  let log: CollectedLog
  let redactor: Redactor
  let asked: string[]
  let offers: string[]
  beforeEach(() => {
    stored = new Map()
    never = undefined
    log = new CollectedLog()
    asked = []
    offers = []
  })

  /** A window whose person types and answers so. */
  function window(
    typed: readonly (string | undefined)[],
    offered?: Awaited<ReturnType<PassphraseDialogs['offer']>>,
    secrets: Partial<Parts['secrets']> = {},
  ): RememberedPassphrases {
    const left = [...typed]
    return new RememberedPassphrases({
      secrets: {
        get: (key) => Promise.resolve(stored.get(key)),
        store: (key, value) => Promise.resolve(void stored.set(key, value)),
        delete: (key) => Promise.resolve(void stored.delete(key)),
        ...secrets,
      },
      memory: {
        get: () => never,
        update: (_key: string, value: unknown) => Promise.resolve(void (never = value)),
      } as Parts['memory'],
      dialogs: {
        ask: ({ title }) => {
          asked.push(title)
          return Promise.resolve(left.shift())
        },
        offer: (keyFile) => {
          offers.push(keyFile)
          return Promise.resolve(offered)
        },
      },
      redactor: (redactor = new Redactor()),
      log,
    })
  }

  async function prove(passphrases: RememberedPassphrases, expected: string, asking = question) {
    assert.equal(await passphrases.passphrase({ ...asking, again: false }), expected)
    passphrases.passphraseProved(asking)
  }

  it('asks once in a window, and offers to remember what was typed', async () => {
    const passphrases = window(['sesame'])
    await prove(passphrases, 'sesame')
    await prove(passphrases, 'sesame')
    assert.deepEqual(asked, ['Passphrase'])
    assert.deepEqual(offers, [question.keyFile])
    assert.equal(stored.size, 0)
  })

  it('does not use again what did not prove right', async () => {
    const passphrases = window(['wrong', 'sesame'])
    assert.equal(await passphrases.passphrase({ ...question, again: false }), 'wrong')
    assert.equal(await passphrases.passphrase({ ...question, again: false }), 'sesame')
  })

  it('keeps it for the next window when it is told to', async () => {
    await prove(window(['sesame'], 'remember'), 'sesame')
    await waitUntil('it to be stored', () => stored.size === 1)
    await prove(window([]), 'sesame')
    assert.equal(asked.length, 1)
    assert.equal(offers.length, 1)
    assert.equal(redactor.redact('it is sesame'), 'it is •••')
  })

  it('never gives it to another key at the same path, or to the same key elsewhere', async () => {
    await prove(window(['sesame'], 'remember'), 'sesame')
    await waitUntil('it to be stored', () => stored.size === 1)
    await prove(window(['other']), 'other', { ...question, fingerprint: 'SHA256:def' })
    await prove(window(['copied']), 'copied', { ...question, keyFile: '/tmp/copy' })
  })

  it('offers it no more after "Never", for that key alone', async () => {
    const passphrases = window(['sesame', 'other'], 'never')
    await prove(passphrases, 'sesame')
    await waitUntil('it to be noted', () => never !== undefined)
    const later = window(['sesame', 'other'])
    await prove(later, 'sesame')
    assert.equal(offers.length, 1)
    await prove(later, 'other', { ...question, fingerprint: 'SHA256:def' })
    assert.equal(offers.length, 2)
    assert.equal(stored.size, 0)
  })

  it('deletes a stored one that is wrong, and asks', async () => {
    await prove(window(['old'], 'remember'), 'old')
    await waitUntil('it to be stored', () => stored.size === 1)
    const passphrases = window(['new'])
    assert.equal(await passphrases.passphrase({ ...question, again: false }), 'old')
    assert.equal(await passphrases.passphrase({ ...question, again: true }), 'new')
    assert.equal(asked.at(-1), 'The remembered passphrase is no longer right')
    assert.equal(stored.size, 0)
  })

  it('asks where SecretStorage fails, and says so', async () => {
    const fail = () => Promise.reject(new Error('no keyring'))
    await prove(window(['sesame'], 'remember', { get: fail, store: fail }), 'sesame')
    await waitUntil('both to be logged', () => log.lines.length === 2)
    assert.match(log.text, /SecretStorage cannot be read: Error: no keyring/)
    assert.match(log.text, /id_ed25519 could not be remembered: Error: no keyring/)
    assert.ok(!log.text.includes('sesame'))
  })

  it('takes nothing from a memory that holds something else', async () => {
    never = { some: 'thing' }
    await prove(window(['sesame']), 'sesame')
    assert.equal(offers.length, 1)
  })

  it('passes on that the question was closed', async () => {
    assert.equal(await window([undefined]).passphrase({ ...question, again: false }), undefined)
  })
})
