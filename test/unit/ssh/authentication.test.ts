import assert from 'node:assert/strict'
import type { AnyAuthMethod, ParsedKey } from 'ssh2'
import { Cancelled, Failure } from '../../../src/base/failure'
import { Authentication } from '../../../src/ssh/authentication'
import { TypedSecrets, type Identity } from '../../../src/ssh/identities'
import { UnusableKey } from '../../../src/ssh/keyFile'
import type { SshPrompts } from '../../../src/ssh/prompts'
import { loadSsh2, type Ssh2 } from '../../../src/ssh/ssh2Library'
import { CollectedLog } from '../../support/collectedLog'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { publicKeyLine } from './fixture'

let ssh2: Ssh2
before(async () => (ssh2 = await loadSsh2()))

const all = ['publickey', 'password', 'keyboard-interactive', 'hostbased', 'gssapi-with-mic']

describe('Authentication', () => {
  let log: CollectedLog
  let secrets: TypedSecrets
  beforeEach(() => {
    log = new CollectedLog()
    secrets = new TypedSecrets()
  })

  /** A key that can be offered, or one that cannot be used. */
  const identity = (label: string, usable = true): Identity => ({
    label,
    publicKey: () =>
      usable
        ? Promise.resolve(ssh2.utils.parseKey(publicKeyLine('ed25519-a')) as ParsedKey)
        : Promise.reject(new UnusableKey('a broken key', 'Mend it.')),
    sign: () => Promise.reject(new Error('not asked')),
  })

  function start(
    answers: Partial<SshPrompts> = {},
    identities: readonly Identity[] = [],
  ): {
    authentication: Authentication
    asked: readonly unknown[]
    /** Why the login was ended from inside a question. */
    givenUp: Promise<Error>
  } {
    const prompts = scriptedPrompts(answers)
    let giveUp: (reason: Error) => void = () => undefined
    const givenUp = new Promise<Error>((resolve) => (giveUp = resolve))
    const authentication = new Authentication({
      ...{ ssh2, user: 'ada', destination: 'dev:22', identities, prompts, secrets, log, giveUp },
    })
    return { authentication, asked: prompts.asked, givenUp }
  }

  /** `publickey a` for the key labelled a. */
  function summary(method: AnyAuthMethod | undefined, { tried }: Authentication): string {
    if (method === undefined) return 'nothing'
    assert.equal(method.username, 'ada')
    return method.type === 'agent' ? `publickey ${tried.at(-1) ?? ''}` : method.type
  }

  type Row = [what: string, keys: string[], refusals: string[][], expected: string[]]
  const twoKeys = ['a', 'b']
  const [pk, pw, ki] = ['publickey', 'password', 'keyboard-interactive'] as const
  const rows: Row[] = [
    ['asks first what the server takes', [], [], ['none']],
    ['offers each key once', twoKeys, [[pk], [pk], [pk]], ['none', 'publickey a', 'publickey b', 'nothing']],
    ['passes over a key that cannot be used', ['bad', 'b'], [[pk], [pk]], ['none', 'publickey b', 'nothing']],
    ['has nothing without keys', [], [[pk]], ['none', 'nothing']],
    ['never offers a key where only passwords are taken', twoKeys, [[pw]], ['none', 'password']],
    ['sends no password where only keys are taken', [], [[pk], [pk]], ['none', 'nothing', 'nothing']],
    ['prefers keys, then questions, then the password', ['a'], [all, all], ['none', 'publickey a', ki]],
    [
      'asks three times, then three times for the password',
      [],
      [all, all, all, all, all, all, all],
      [...['none', ki, ki, ki, pw, pw, pw, 'nothing']],
    ],
    ['takes a password three times at most', [], [[pw], [pw], [pw], [pw]], ['none', pw, pw, pw, 'nothing']],
    ['answers three times at most', [], [[ki], [ki], [ki], [ki]], ['none', ki, ki, ki, 'nothing']],
    ['goes on with the second factor: key, then password', ['a'], [[pk], [pw]], ['none', 'publickey a', pw]],
    ['goes on with the second factor: key, then questions', ['a'], [[pk], [ki]], ['none', 'publickey a', ki]],
    [
      'goes on with the second factor: two keys',
      twoKeys,
      [[pk], [pk]],
      ['none', 'publickey a', 'publickey b'],
    ],
    ['goes on with the second factor: password, then key', ['a'], [[pw], [pk]], ['none', pw, 'publickey a']],
    [
      'stops when the second factor cannot be had',
      ['a'],
      [[pk], ['hostbased']],
      ['none', 'publickey a', 'nothing'],
    ],
    ['knows nothing else', ['a'], [['hostbased', 'gssapi-with-mic']], ['none', 'nothing']],
    ['has nothing where nothing is taken', ['a'], [[]], ['none', 'nothing']],
    ['takes a method’s whole name', ['a'], [['password-only', 'xpublickey']], ['none', 'nothing']],
  ]
  for (const [what, keys, refusals, expected] of rows) {
    it(what, async () => {
      const identities = keys.map((label) => identity(label, label !== 'bad'))
      const { authentication } = start({ password: () => Promise.resolve('wrong') }, identities)
      const offered: string[] = [summary(await authentication.next(null), authentication)]
      for (const methodsLeft of refusals) {
        offered.push(summary(await authentication.next(methodsLeft), authentication))
      }
      assert.deepEqual(offered, expected)
    })
  }

  it('remembers what was tried and what is taken, for the message', async () => {
    const { authentication } = start({ password: () => Promise.resolve('p') }, [
      identity('/k'),
      identity('bad', false),
    ])
    assert.deepEqual(authentication.tried, [])
    for (const left of [null, [pk], [pk, pw], [pw, 'x']]) await authentication.next(left)
    assert.deepEqual(authentication.tried, ['/k', 'bad (a broken key)', 'password', 'password'])
    assert.deepEqual([...authentication.advice], ['Mend it.'])
    assert.match(log.text, /passed over bad: a broken key/)
    assert.deepEqual(authentication.methodsLeft, [pw, 'x'])
  })

  it('goes by what the server answered to a key, which ssh2 keeps to itself', async () => {
    const { authentication } = start({}, [identity('a'), identity('b')])
    await authentication.next(null)
    await authentication.next([pk])
    authentication.refused([ki], true)
    assert.equal(summary(await authentication.next([pk]), authentication), ki)
    assert.deepEqual(authentication.tried, ['a (accepted, and more was wanted)', ki])
  })

  describe('a key that is accepted and then cannot sign', () => {
    async function sign(failing: Identity, hash?: 'sha1') {
      const started = start({}, [failing])
      await started.authentication.next(null)
      const method = await started.authentication.next([pk])
      assert.ok(method?.type === 'agent' && typeof method.agent === 'object')
      const { agent } = method
      const signed = new Promise<Error | null | undefined>((resolve) =>
        agent.sign(
          publicKeyLine('ed25519-a'),
          Buffer.from('data'),
          { ...(hash === undefined ? {} : { hash }) },
          resolve,
        ),
      )
      return { ...started, error: await signed }
    }

    it('is named with the reason', async () => {
      const unusable = {
        ...identity('a'),
        sign: () => Promise.reject(new UnusableKey('no luck', 'Try more.')),
      }
      const { authentication, error } = await sign(unusable)
      assert.equal(error?.message, 'no luck')
      assert.deepEqual(authentication.tried, ['a (no luck)'])
      assert.deepEqual([...authentication.advice], ['Try more.'])
    })

    it('is not made to sign with SHA-1', async () => {
      const { authentication } = await sign(
        { ...identity('a'), sign: () => assert.fail('it signed') },
        'sha1',
      )
      assert.match(authentication.tried[0] ?? '', /^a \(the server takes RSA keys with SHA-1/)
    })

    it('whose question was closed ends it as cancelled, and nothing is tried after it', async () => {
      const closed = { ...identity('a'), sign: () => Promise.reject(new Cancelled()) }
      const { authentication, givenUp } = await sign(closed)
      assert.ok((await givenUp) instanceof Cancelled)
      await assert.rejects(authentication.next([pk, pw]), Cancelled)
    })
  })

  it('offers a key by its public half and lets its owner sign', async () => {
    const signed: (string | undefined)[] = []
    const key: Identity = {
      ...identity('a'),
      sign: (_data, hash) => {
        signed.push(hash)
        return Promise.resolve(Buffer.from('signature'))
      },
    }
    const { authentication } = start({}, [key])
    await authentication.next(null)
    const method = await authentication.next([pk])
    assert.ok(method?.type === 'agent' && typeof method.agent === 'object')
    const { agent } = method
    agent.getIdentities((error, keys) => {
      assert.equal(error, null)
      assert.equal(keys?.length, 1)
    })
    const signature = await new Promise((resolve) =>
      agent.sign(publicKeyLine('ed25519-a'), Buffer.from('data'), { hash: 'sha512' }, (_error, result) =>
        resolve(result),
      ),
    )
    assert.equal(String(signature), 'signature')
    assert.deepEqual(signed, ['sha512'])
  })

  describe('password', () => {
    const passwordOf = (method: AnyAuthMethod | undefined) =>
      method?.type === 'password' ? method.password : assert.fail('no password')

    it('is asked for with the account, and from the second time on as wrong', async () => {
      let typed = 0
      const { authentication, asked } = start({ password: () => Promise.resolve(`p${++typed}`) })
      await authentication.next(null)
      const sent = [await authentication.next([pw]), await authentication.next([pw])].map(passwordOf)
      assert.deepEqual(sent, ['p1', 'p2'])
      assert.deepEqual(
        asked,
        [false, true].map((again) => ({ kind: 'password', user: 'ada', destination: 'dev:22', again })),
      )
    })

    it('that is closed ends it as cancelled', async () => {
      const { authentication } = start({ password: () => Promise.resolve(undefined) })
      await authentication.next(null)
      await assert.rejects(authentication.next([pw]), Cancelled)
      assert.deepEqual(authentication.tried, [])
    })

    it('is used again without a question once it has proven right, and asked for when it no longer is', async () => {
      const first = start({ password: () => Promise.resolve('right') })
      await first.authentication.next(null)
      await first.authentication.next([pw])
      first.authentication.succeeded()

      const second = start({ password: () => Promise.resolve('new') })
      await second.authentication.next(null)
      assert.equal(passwordOf(await second.authentication.next([pw])), 'right')
      assert.deepEqual(second.asked, [])
      assert.equal(passwordOf(await second.authentication.next([pw])), 'new')
      assert.equal(second.asked.length, 1)
    })

    it('is not used again when it was wrong', async () => {
      const first = start({ password: () => Promise.resolve('wrong') })
      await first.authentication.next(null)
      await first.authentication.next([pw])

      const second = start({ password: () => Promise.resolve('right') })
      await second.authentication.next(null)
      assert.equal(passwordOf(await second.authentication.next([pw])), 'right')
    })

    it('stands in no line of the log', async () => {
      const { authentication } = start({ password: () => Promise.resolve('hunter2') }, [identity('a')])
      for (const left of [null, all, [pw]]) await authentication.next(left)
      authentication.succeeded()
      assert.ok(log.lines.length > 0)
      assert.ok(!log.text.includes('hunter2'))
    })
  })

  describe('keyboard-interactive', () => {
    const question = (method: AnyAuthMethod | undefined) => {
      assert.equal(method?.type, ki)
      return (...texts: string[]) =>
        new Promise<string[]>((resolve) =>
          method.prompt(
            'PAM',
            'Please answer',
            '',
            texts.map((text) => ({ prompt: text, echo: text.startsWith('Code') })),
            resolve,
          ),
        )
    }

    it('passes the server’s questions on, and the answers back in their order', async () => {
      const { authentication, asked } = start({
        keyboardInteractive: ({ prompts }) => Promise.resolve(prompts.map(({ prompt }) => `<${prompt}>`)),
      })
      await authentication.next(null)
      const ask = question(await authentication.next([ki]))
      assert.deepEqual(await ask('Password: ', 'Code: '), ['<Password: >', '<Code: >'])
      assert.deepEqual(asked, [
        {
          kind: 'keyboardInteractive',
          destination: 'dev:22',
          name: 'PAM',
          instructions: 'Please answer',
          prompts: [
            { prompt: 'Password: ', echo: false },
            { prompt: 'Code: ', echo: true },
          ],
        },
      ])
    })

    it('that is closed ends it as cancelled', async () => {
      const { authentication, givenUp } = start({ keyboardInteractive: () => Promise.resolve(undefined) })
      await authentication.next(null)
      const ask = question(await authentication.next([ki]))
      void ask('Password: ').then(() => assert.fail('an answer was sent'))
      assert.ok((await givenUp) instanceof Cancelled)
    })

    it('that does not come to an end is given up', async () => {
      let asked = 0
      const { authentication, givenUp } = start({
        keyboardInteractive: () => Promise.resolve([`${++asked}`]),
      })
      await authentication.next(null)
      const ask = question(await authentication.next([ki]))
      const answerAll = async () => {
        for (let round = 0; round < 50; round++) await ask('And now? ')
      }
      void answerAll()
      const reason = await givenUp
      assert.ok(reason instanceof Failure && reason.kind === 'server-asks-without-end')
      assert.equal(asked, 20)
    })

    it('whose dialog fails ends it as cancelled', async () => {
      const { authentication, givenUp } = start({
        keyboardInteractive: () => Promise.reject(new Error('the window is gone')),
      })
      await authentication.next(null)
      const ask = question(await authentication.next([ki]))
      void ask('Password: ').then(() => assert.fail('an answer was sent'))
      assert.ok((await givenUp) instanceof Cancelled)
    })

    /** Answers the questions of one login, each a list of rounds; says what was asked of the person. */
    async function login(tries: string[][], answers: string[]): Promise<{ sent: string[]; asked: string[] }> {
      const left = [...answers]
      const { authentication, asked } = start({
        keyboardInteractive: () =>
          Promise.resolve([left.shift() ?? assert.fail('nobody expected a question')]),
      })
      await authentication.next(null)
      const sent: string[] = []
      for (const rounds of tries) {
        const ask = question(await authentication.next([ki]))
        for (const round of rounds) sent.push(...(await ask(round)))
      }
      authentication.succeeded()
      return {
        sent,
        asked: asked.map((each) => (each as { prompts: { prompt: string }[] }).prompts[0]?.prompt ?? ''),
      }
    }

    it('asks for PAM’s password once, and answers it when the connection heals', async () => {
      await login([['Password: ']], ['right'])
      assert.deepEqual(await login([['Password: ']], []), { sent: ['right'], asked: [] })
    })

    it('asks for the code each time, also where it is called a one-time password', async () => {
      const rounds = ['Password: ', 'One-time password (OATH) for `ada’: ']
      await login([rounds], ['right', '111111'])
      assert.deepEqual(await login([rounds], ['222222']), { sent: ['right', '222222'], asked: [rounds[1]] })
    })

    it('never sends the password as the answer to another question', async () => {
      await login([['Password: ']], ['right'])
      assert.deepEqual(await login([['Verification code: ']], ['123456']), {
        sent: ['123456'],
        asked: ['Verification code: '],
      })
    })

    it('keeps the password that let it in, not the one typed wrong before', async () => {
      await login([['Password: '], ['Password: ']], ['wrong', 'right'])
      assert.deepEqual(await login([['Password: ']], []), { sent: ['right'], asked: [] })
    })

    it('asks again when the remembered password is no longer right', async () => {
      await login([['Password: ']], ['old'])
      const again = await login([['Password: '], ['Password: ']], ['new'])
      assert.deepEqual(again, { sent: ['old', 'new'], asked: ['Password: '] })
      assert.deepEqual((await login([['Password: ']], [])).sent, ['new'])
    })
  })
})
