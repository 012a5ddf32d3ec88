import assert from 'node:assert/strict'
import { serviceNames, type ServiceName } from '../../../../src/servers/profile'
import { adapterOf } from '../../../../src/servers/services/adapters'
import { readersOf, remarksOn } from '../../../../src/servers/services/remarks'

type Facts = Parameters<typeof remarksOn>[1]

const facts = { name: 'my-app', domain: undefined, note: undefined, user: 'me' }
const rows: [ServiceName, Partial<Facts> & { publicUrl: string }, RegExp[]][] = [
  ['sish', { publicUrl: 'https://my-app.my.sish.test' }, []],
  ['sish', { publicUrl: 'https://my-app-me.my.sish.test' }, [/became my-app-me: the sish server adds/]],
  [
    'sish',
    { publicUrl: 'https://xyz.my.sish.test', domain: 'my.sish.test' },
    [/gave the name xyz, not my-app\.$/],
  ],
  ['sish', { publicUrl: 'https://xyz.my.sish.test', note: 'name taken' }, [/not my-app, which is taken\.$/]],
  ['tuns.sh', { publicUrl: 'https://me-my-app.nue.tuns.sh' }, [/became me-my-app/]],
  ['tuns.sh', { publicUrl: 'https://app.example.com', domain: 'app.example.com' }, []],
  ['serveo', { publicUrl: 'https://my-app.serveo.net' }, [/warning page/]],
  [
    'serveo',
    { publicUrl: 'https://x.serveo.net', note: 'key unknown' },
    [/not my-app: .*registered keys.*console\.serveo\.net/, /warning page/],
  ],
  [
    'localhost.run',
    { publicUrl: 'https://x.lhr.life', user: 'nokey' },
    [/chooses the name, here x/, /hours/],
  ],
  ['localhost.run', { publicUrl: 'https://x.lhr.life' }, [/chooses the name/]],
  ['localhost.run', { publicUrl: 'https://a.lhr.rocks', domain: 'a.lhr.rocks' }, []],
  [
    'localhost.run',
    { publicUrl: 'https://x.lhr.life', domain: 'a.lhr.rocks' },
    [/gave x\.lhr\.life, not a\.lhr\.rocks/],
  ],
  ['pinggy', { publicUrl: 'https://a.run.pinggy-free.link' }, [/chooses/, /60 minutes/]],
  ['pinggy', { publicUrl: 'https://a.free.pinggy.net' }, [/chooses/, /60 minutes/]],
  ['pinggy', { publicUrl: 'https://a.a.free.pinggy.link' }, [/chooses/, /60 minutes/]],
  ['pinggy', { publicUrl: 'https://mine.a.pinggy.link' }, [/chooses/]],
  ['ngrok', { publicUrl: 'https://a.ngrok-free.dev' }, [/chooses/, /warning page/]],
  ['ngrok', { publicUrl: 'https://a.ngrok.app', domain: 'a.ngrok.app' }, []],
]

describe('remarks on a tunnel', () => {
  for (const [service, given, remarks] of rows) {
    it(`${service}: ${JSON.stringify(given)}`, () => {
      const said = remarksOn(adapterOf(service), { ...facts, ...given })
      assert.equal(said.length, remarks.length, said.join('\n'))
      for (const [index, remark] of remarks.entries()) assert.match(said[index] ?? '', remark)
    })
  }

  for (const service of serviceNames) {
    it(`${service}: who can read the traffic is named`, () => {
      const destination = { host: 'my.sish.test' }
      const sentence = readersOf({ kind: 'service', id: 'x', ssh: 'x', destination, service })
      const named = service === 'sish' ? 'my.sish.test' : adapterOf(service).title
      assert.ok(sentence.includes(named), sentence)
      assert.match(sentence, /read and change everything/)
    })
  }
})
