import * as v from 'valibot'
import { valuesOf } from '../../http/exchange'
import { generatedToken } from '../asks'
import { decodedJson } from '../decodedJson'
import { githubRegistrar } from '../github/githubRegistrar'
import { githubSamples } from '../github/githubSamples'
import type { Trouble } from '../preflight/trouble'
import type { Label, LabelledRequest, Provider } from '../provider'
import { judgeHubSignature } from '../signatures'

/** https://docs.github.com/webhooks */
export const github: Provider = {
  id: 'github',
  title: 'GitHub',
  detail: 'Needs a repository whose webhooks you may change',
  asks: [
    {
      id: 'repository',
      label: 'Repository',
      prompt: 'owner/name',
      isSecret: false,
      check: (answer) => (/^[\w.-]+\/[\w.-]+$/.test(answer) ? undefined : 'Write owner/name.'),
      envNames: ['GITHUB_REPOSITORY'],
    },
    {
      id: 'accessToken',
      label: 'Access token',
      prompt: 'Fine-grained, with the repository permission Webhooks: read and write.',
      isSecret: true,
      check: (answer) => (/^\S{8,}$/.test(answer) ? undefined : 'It has no spaces, and at least 8 letters.'),
      envNames: ['GITHUB_TOKEN', 'GH_TOKEN'],
    },
    {
      id: 'hookSecret',
      label: 'Secret',
      prompt: 'GitHub signs each delivery with it, for your app to check.',
      envNames: ['GITHUB_WEBHOOK_SECRET', 'WEBHOOK_SECRET'],
      ...generatedToken,
      check: (answer) => (answer.length > 512 ? 'It is too long.' : undefined),
    },
  ],
  events: [
    { name: 'push', detail: 'commits arrive', isUsual: true },
    { name: 'pull_request', detail: 'a pull request changes', isUsual: true },
    { name: 'issues', detail: 'an issue changes', isUsual: true },
    { name: 'issue_comment', detail: 'somebody comments', isUsual: false },
    { name: 'release', detail: 'a release changes', isUsual: false },
    { name: 'workflow_run', detail: 'a workflow runs', isUsual: false },
    { name: '*', detail: 'everything', isUsual: false },
  ],
  rules: {
    harmless: 'ping',
    wouldSay,
    snippets: {
      signature: `const { createHmac, timingSafeEqual } = require('node:crypto')

// Before anything else reads the body: the signature is of the bytes as they came.
app.use(express.json({
  verify(req, res, body) {
    const expected = Buffer.from('sha256=' + createHmac('sha256', process.env.WEBHOOK_SECRET).update(body).digest('hex'))
    const given = Buffer.from(req.get('X-Hub-Signature-256') ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw Object.assign(new Error('wrong signature'), { status: 401 })
  },
}))
`,
    },
  },
  registrar: githubRegistrar,
  samples: githubSamples,
  describe,
  patience: { slowMs: 5000, limitMs: 10_000 },
}

/** What stands beside a delivery. */
function wouldSay(trouble: Trouble): string | undefined {
  switch (trouble.kind) {
    case 'status':
      return `Invalid HTTP Response: ${trouble.status}`
    case 'redirect':
      return 'Invalid HTTP Response: 302'
    case 'certificate name':
    case 'certificate untrusted':
    case 'certificate expired':
    case 'no TLS':
      return 'We couldn’t deliver this payload: SSL peer certificate or SSH remote key was not OK'
    case 'too slow':
      return 'We couldn’t deliver this payload: timed out'
    case 'no such name':
      return 'We couldn’t deliver this payload: failed to resolve host'
    case 'unreachable':
      return 'We couldn’t deliver this payload: failed to connect to host'
    case 'challenge':
    case 'not https':
    case 'port':
      return undefined
  }
}

function describe({ request, answers }: LabelledRequest): Label | undefined {
  const event = valuesOf(request.fields, 'x-github-event')[0]
  if (event === undefined) return undefined
  const parsed = v.safeParse(payloadSchema, decodedJson(request))
  const { action, sender, ref, repository } = parsed.success ? parsed.output : {}
  const details = [action, ref?.replace('refs/heads/', ''), repository?.full_name]
  return {
    who: sender?.login ?? '',
    what: [event, ...details].filter((part) => part !== undefined).join(' '),
    signature: judgeHubSignature(request, answers?.['hookSecret']),
  }
}

const text = v.optional(v.string())
const payloadSchema = v.object({
  action: text,
  ref: text,
  sender: v.optional(v.object({ login: text })),
  repository: v.optional(v.object({ full_name: text })),
})
