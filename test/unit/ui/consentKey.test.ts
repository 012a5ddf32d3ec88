import assert from 'node:assert/strict'
import { readServers } from '../../../src/servers/validation'
import { consentKey } from '../../../src/ui/consentKey'

describe('consentKey', () => {
  const keyFor = (entry: object, publicUrl?: string) => {
    const [profile] = readServers({ mine: entry }).profiles
    assert.ok(profile)
    return consentKey({ target: { host: 'localhost', port: 3000 }, publicUrl, profile })
  }
  const own = {
    ssh: 'me@dev.example.com',
    bind: '/run/{name}.sock',
    publicUrl: 'https://{name}.dev.example.com',
  }
  const url = 'https://my-app.dev.example.com'

  it('is the same for the same way', () => {
    assert.equal(keyFor(own, url), keyFor({ ...own, identityFile: '~/.ssh/other' }, url))
  })

  it('is another for another URL, other readers, another server or service under the same name', () => {
    const keys = [
      keyFor(own, url),
      keyFor(own, 'https://other.dev.example.com'),
      keyFor({ ...own, tls: 'here' }, url),
      keyFor({ ...own, ssh: 'me@other.example.com' }, url),
      keyFor({ service: 'localhost.run' }),
      keyFor({ service: 'serveo' }),
      keyFor({ service: { sish: 'sish.example.com' } }),
    ]
    assert.equal(new Set(keys).size, keys.length)
  })

  it('holds no token', () => {
    const key = keyFor({ service: 'pinggy', ssh: 's3cretT0ken@pro.pinggy.io' })
    assert.doesNotMatch(key, /s3cretT0ken/)
  })
})
