import assert from 'node:assert/strict'
import { Failure } from '../../../../src/base/failure'
import { serviceNames } from '../../../../src/servers/profile'
import { adapterOf } from '../../../../src/servers/services/adapters'
import { readUrls } from '../../../../src/servers/services/askUrls'
import { explainLogin } from '../../../../src/servers/services/serviceFailures'
import { servicePrompts } from '../../../../src/servers/services/servicePrompts'
import { scriptedPrompts } from '../../../support/scriptedPrompts'

describe('the table of services', () => {
  for (const name of serviceNames) {
    it(`${name} is a whole row`, () => {
      const adapter = adapterOf(name)
      assert.equal(adapter.name, name)
      assert.ok(
        adapter.domains.every((domain) => /^[a-z0-9-]+\.[a-z]+$/.test(domain)),
        'registrable domains',
      )
      assert.equal(adapter.host === undefined, name === 'sish')
      assert.equal(adapter.domains.length === 0, name === 'sish')
      assert.notEqual(adapter.loginAdvice, '')
      assert.notEqual(adapter.refusalAdvice, '')
      const port = name === 'ngrok' ? 443 : name === 'pinggy' ? 0 : 80
      assert.equal(adapter.bind({ name: 'a', domain: undefined }).port, port)
    })
  }
})

describe('readUrls', () => {
  const rows: [string, readonly string[] | undefined][] = [
    ['{"urls":["http://a","https://a"]}', ['http://a', 'https://a']],
    ['{"urls":["https://a",7,null]}', ['https://a']],
    ['{"urls":[]}', undefined],
    ['{"urls":"https://a"}', undefined],
    ['{}', undefined],
    ['[]', undefined],
    ['null', undefined],
    ['', undefined],
    ['<html>', undefined],
  ]
  for (const [text, urls] of rows) {
    it(`${text} is ${JSON.stringify(urls)}`, () => assert.deepEqual(readUrls(text), urls))
  }
})

describe('the login of a service', () => {
  const profile = {
    kind: 'service',
    id: 'x',
    ssh: 'x',
    destination: { host: 'x' },
    service: 'ngrok',
  } as const
  const refused = new Failure({
    kind: 'authentication-refused',
    hop: 'authentication',
    message: 'no',
    said: 'It accepts: publickey.',
    advice: 'General.',
    canHeal: false,
  })

  it('is explained where it is refused', () => {
    const explained = explainLogin(profile, refused) as Failure
    assert.match(explained.advice, /dashboard\.ngrok\.com.* General\.$/)
    assert.deepEqual(
      [explained.kind, explained.message, explained.said, explained.canHeal],
      ['authentication-refused', 'no', 'It accepts: publickey.', false],
    )
  })

  it('leaves other errors as they are', () => {
    const other = new Failure({ kind: 'x', hop: 'TCP', message: 'x', advice: 'x', canHeal: true })
    assert.equal(explainLogin(profile, other), other)
  })

  it('answers for a person only where any password will do, and asks when it did not', async () => {
    const asked = scriptedPrompts({
      password: () => Promise.resolve('typed'),
    })
    const pinggy = servicePrompts('pinggy', asked)
    const question = { user: 'x', destination: 'x' }
    assert.equal(await pinggy.password({ ...question, again: false }), '')
    assert.equal(await pinggy.password({ ...question, again: true }), 'typed')
    const challenge = {
      destination: 'x',
      name: '',
      instructions: '',
      prompts: [{ prompt: 'Password:', echo: false }],
    }
    assert.deepEqual(await pinggy.keyboardInteractive(challenge), [''])
    assert.deepEqual(await pinggy.keyboardInteractive(challenge), [''], 'at the next login too')
    assert.equal(asked.asked.length, 1)
    assert.equal(servicePrompts('ngrok', asked), asked)
  })
})
