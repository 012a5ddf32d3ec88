import assert from 'node:assert/strict'
import { tunnelUrl } from '../../../../src/servers/services/tunnelUrl'

const rules = {
  domains: ['lhr.life', 'serveo.net'],
  notTunnels: ['console', 'www'],
  ownDomain: undefined,
  mayHavePort: false,
}
const taken: [text: string, url: string][] = [
  ['https://x.lhr.life', 'https://x.lhr.life'],
  ['https://x.lhr.life/', 'https://x.lhr.life'],
  ['HTTPS://X.LHR.Life', 'https://x.lhr.life'],
  ['https://a-b.c.lhr.life', 'https://a-b.c.lhr.life'],
  ['https://console.x.serveo.net', 'https://console.x.serveo.net'],
]
const refused = [
  'http://x.lhr.life',
  'https://lhr.life',
  'https://evil-lhr.life',
  'https://evillhr.life',
  'https://x.lhr.life.evil.com',
  'https://evil.com/x.lhr.life',
  'https://evil.com?x.lhr.life',
  'https://evil.com#.lhr.life',
  'https://x.lhr.life@evil.com',
  'https://evil.com@x.lhr.life',
  'https://user:pass@x.lhr.life',
  'https://evil.com\\.lhr.life',
  'https://evil.com\\@x.lhr.life',
  'https://evil.com%2f.lhr.life',
  'https://x.lhr.life:443',
  'https://x.lhr.life:8443',
  'https://x.lhr.life/path',
  'https://x.lhr.life?q',
  'https://x.lhr.life#f',
  'https://x.lhr.life.',
  'https://x..lhr.life',
  'https://.lhr.life',
  'https://-x.lhr.life',
  'https://x_y.lhr.life',
  'https://*.lhr.life',
  'https://xn--80ak6aa92e.lhr.life',
  'https://а.lhr.life',
  'https://x。lhr.life',
  'https://x.ⅼhr.life',
  'https://console.serveo.net',
  'https://x.console.serveo.net',
  'https://www.serveo.net',
  'https://127.0.0.1',
  'https://[::1]',
  'https:///x.lhr.life',
  'https:x.lhr.life',
  'x.lhr.life',
  ' https://x.lhr.life',
  'https://x.lhr.life\n',
  `https://${'a'.repeat(64)}.lhr.life`,
  `https://${'a.'.repeat(130)}lhr.life`,
  '',
]

describe('tunnelUrl', () => {
  for (const [text, url] of taken) {
    it(`takes ${text}`, () => assert.equal(tunnelUrl(text, rules), url))
  }
  for (const text of refused) {
    it(`does not take ${JSON.stringify(text).slice(0, 60)}`, () =>
      assert.equal(tunnelUrl(text, rules), undefined))
  }

  const own = { ...rules, domains: [], ownDomain: 'My.Sish.test', mayHavePort: true }
  const ownRows: [text: string, url: string | undefined][] = [
    ['https://x.my.sish.test', 'https://x.my.sish.test'],
    ['https://my.sish.test', 'https://my.sish.test'],
    ['https://x.my.sish.test:2443', 'https://x.my.sish.test:2443'],
    ['https://x.my.sish.test:443', 'https://x.my.sish.test'],
    ['https://x.my.sish.test:0', undefined],
    ['https://x.my.sish.test:70000', undefined],
    ['https://x.sish.test', undefined],
    ['https://xmy.sish.test', undefined],
    ['https://user@x.my.sish.test', undefined],
  ]
  for (const [text, url] of ownRows) {
    it(`with a server of one's own, ${text} is ${url ?? 'not taken'}`, () =>
      assert.equal(tunnelUrl(text, own), url))
  }
})
