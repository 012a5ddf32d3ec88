import assert from 'node:assert/strict'
import { envAnswers } from '../../../src/webhooks/envAnswers'
import { waitsInWords } from '../../../src/webhooks/failingText'
import { pathsInCode } from '../../../src/webhooks/pathsInCode'
import { findingsInWords, findingsText } from '../../../src/webhooks/preflight/describe'
import type { Finding } from '../../../src/webhooks/preflight/evidence'
import { providers } from '../../../src/webhooks/providers'

describe('the paths that code names', () => {
  const rows: readonly [name: string, file: string, text: string, expected: string[]][] = [
    [
      'Express',
      'app.js',
      "app.get('/', page)\napp.post('/messenger/hook', receive)",
      ['/messenger/hook', '/'],
    ],
    ['a router in TypeScript', 'src/a.ts', 'router.all("/api/webhook", x)', ['/api/webhook']],
    ['Node alone', 'bot.mjs', "if (url.pathname === '/webhook') verify()", ['/webhook']],
    ['Flask', 'bot.py', '@app.route("/webhook", methods=["GET"])', ['/webhook']],
    ['FastAPI', 'bot.py', '@app.post("/telegram")', ['/telegram']],
    ['Django', 'urls.py', "path('bot/hook/', views.hook)", ['/bot/hook/']],
    ['Go', 'main.go', 'http.HandleFunc("/callback", f)', ['/callback']],
    ['Next, by its files', 'app/api/webhook/route.ts', '', ['/api/webhook']],
    ['Next, the older way', 'src/pages/api/hook.js', '', ['/api/hook']],
    [
      'Bottender',
      'bottender.config.js',
      "messenger: { path: '/webhooks/messenger' }",
      ['/webhooks/messenger'],
    ],
    ['files are none', 'app.js', "app.get('/logo.png')", []],
    ['parameters are none', 'app.js', "app.get('/users/:id')", []],
  ]
  for (const [name, file, text, expected] of rows) {
    it(name, () => assert.deepEqual(pathsInCode([{ file, text }]), expected))
  }
})

describe('what an environment file says', () => {
  it('counts under the names that programs use, where it can be right', () => {
    const environment = { VERIFY_TOKEN: ' abc ', MESSENGER_APP_ID: '123456789', APP_SECRET: 'x', OTHER: 'y' }
    assert.deepEqual(envAnswers(providers.messenger.asks, environment), {
      answers: { verifyToken: 'abc', appId: '123456789' },
      names: ['VERIFY_TOKEN', 'MESSENGER_APP_ID'],
    })
  })
})

describe('what was found, to be read', () => {
  const findings: readonly Finding[] = [
    { where: 'app', check: 'reached', verdict: 'pass', text: 'It answers.' },
    {
      ...{ where: 'app', check: 'verification', verdict: 'fail', text: 'It stands in quotes.' },
      ...{ wouldSay: '(#2201) …', advice: 'Answer plainly.', snippet: 'app.get()\n' },
    },
    { where: 'public URL', check: 'wrong signature', verdict: 'warning', text: 'It takes in anything.' },
  ]

  it('says of each what it is, what the provider would say, and the cure', () =>
    assert.equal(
      findingsText(findings, { title: 'Messenger', callbackUrl: 'https://bot.example/webhook' }),
      `# Messenger: https://bot.example/webhook

## Straight to the app on this machine

- reached: **passed**. It answers.
- verification: **FAILED**. It stands in quotes.

  Messenger would say: \`(#2201) …\`

  → Answer plainly.

\`\`\`js
app.get()
\`\`\`


## Through the public URL, as from outside

- wrong signature: **WARNING**. It takes in anything.

`,
    ))

  it('counts', () => {
    assert.equal(findingsInWords(findings), '1 check failed, 1 warning')
    assert.equal(findingsInWords([]), 'every check passed')
  })
})

describe('an app that fails', () => {
  it('is told how long it has left', () => {
    const minute = 60_000
    const of = (sinceMs: number, leftMs: number) =>
      waitsInWords('Messenger', { kind: 'failing', sinceMs, leftMs })
    assert.equal(
      of(9 * minute, 51 * minute),
      'For 9 minutes the app has taken in no event of Messenger. It unsubscribes the app in about 51 minutes unless the app answers 200 again.',
    )
    assert.match(of(70 * minute, 0), /may have unsubscribed/)
  })
})
