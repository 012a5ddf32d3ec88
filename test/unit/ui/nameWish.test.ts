import assert from 'node:assert/strict'
import type { ServerProfile } from '../../../src/servers/profile'
import { readServers } from '../../../src/servers/validation'
import { longestNameOf, nameProblem, renamedUrl, whyNoName } from '../../../src/ui/nameWish'

describe('the name of a port', () => {
  const profileOf = (entry: object): ServerProfile =>
    readServers({ mine: entry }).profiles[0] ?? assert.fail('not a right entry')
  const named = { ssh: 'me@vps', bind: '/run/x/{name}.sock', publicUrl: 'https://{name}.example.com' }

  describe('can be chosen', () => {
    const cases: [string, object, RegExp | undefined][] = [
      ['where the URL holds {name}', named, undefined],
      ['with a gateway', { ssh: 'expose@vps' }, undefined],
      ['with a sish server', { service: { sish: 'my.sish.host' } }, undefined],
      ['with tuns.sh', { service: 'tuns.sh' }, undefined],
      [
        'not where the URL is one',
        { ssh: 'me@vps', bind: '127.0.0.1:80', publicUrl: 'https://example.com' },
        /"mine" has no \{name\} in it: https:\/\/example\.com/,
      ],
      ['not with localhost.run', { service: 'localhost.run' }, /chooses the names of its URLs by itself/],
    ]
    for (const [where, entry, why] of cases) {
      it(where, () =>
        why === undefined
          ? assert.equal(whyNoName(profileOf(entry)), undefined)
          : assert.match(whyNoName(profileOf(entry)) ?? '', why),
      )
    }
  })

  describe('is checked while it is typed', () => {
    const taken = new Map([['hook', '4000']])
    const cases: [string, RegExp | undefined][] = [
      ['my-bot', undefined],
      ['a', undefined],
      ['', /^Write a name such as my-bot\.$/],
      ['My Bot', /write "my-bot"\.$/],
      ['-a', /write "a"/],
      ['hook', /^"hook" is the name of port 4000 already\.$/],
      ['a'.repeat(21), /^It has 21 characters; the server has room for 20\.$/],
    ]
    for (const [name, problem] of cases) {
      it(JSON.stringify(name), () => {
        const said = nameProblem(name, { longest: 20, taken })
        if (problem === undefined) assert.equal(said, undefined)
        else assert.match(said ?? '', problem)
      })
    }
  })

  it('may be as long as the server has room for', () => {
    assert.equal(longestNameOf(profileOf({ ssh: 'expose@vps' })), 63)
    const long = { ...named, bind: `/run/${'d'.repeat(60)}/{name}.sock` }
    assert.equal(longestNameOf(profileOf(long)), 36)
  })

  it('gives its URL, also behind the user’s own name of tuns.sh', () => {
    const cases = [
      ['https://old.example.com:8443', 'https://new.example.com:8443'],
      ['https://me-old.tuns.sh', 'https://me-new.tuns.sh'],
      ['https://older.example.com', 'https://older.example.com'],
    ] as const
    for (const [before, after] of cases) assert.equal(renamedUrl(before, 'old', 'new'), after)
  })
})
