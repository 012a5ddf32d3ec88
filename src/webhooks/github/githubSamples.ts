import type { Sample, SampleFacts } from '../provider'
import { hubSignatures } from '../signatures'

/** As in https://docs.github.com/webhooks/webhook-events-and-payloads */
export const githubSamples: readonly Sample[] = [
  sample('ping', 'A ping', 'ping', () => ({
    zen: 'Keep it logically awesome.',
    hook_id: 1,
    hook: { type: 'Repository', id: 1, name: 'web', active: true, events: ['push'] },
  })),
  sample('push', 'A push', 'push', () => ({
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: 'a'.repeat(40),
    created: false,
    deleted: false,
    forced: false,
    commits: [{ id: 'a'.repeat(40), message: 'Grüße 🎉', author: { name: 'Zoë', email: 'zoe@example.com' } }],
    pusher: { name: 'zoe', email: 'zoe@example.com' },
  })),
  sample('issue', 'An issue that is opened', 'issues', () => ({
    action: 'opened',
    issue: { number: 1, title: 'It works', body: 'From Expose Port', user: person },
  })),
  sample('pull-request', 'A pull request that is opened', 'pull_request', () => ({
    action: 'opened',
    number: 2,
    pull_request: { number: 2, title: 'A change', user: person, merged: false },
  })),
]

function sample(id: string, label: string, event: string, payload: (facts: SampleFacts) => object): Sample {
  return {
    id,
    label,
    request: (facts) => {
      const { repository = 'octocat/hello-world', hookSecret = '' } = facts.answers
      const [owner = '', name = ''] = repository.split('/')
      const body = Buffer.from(
        JSON.stringify({
          ...payload(facts),
          repository: { id: 1, name, full_name: repository, owner: { login: owner } },
          sender: person,
        }),
      )
      return {
        fields: [
          ['Accept', '*/*'],
          ['Content-Type', 'application/json'],
          ['User-Agent', 'GitHub-Hookshot/expose-port'],
          ['X-GitHub-Delivery', facts.serial],
          ['X-GitHub-Event', event],
          ['X-GitHub-Hook-ID', '1'],
          ...(hookSecret === '' ? [] : hubSignatures(hookSecret, body)),
        ],
        body,
      }
    },
  }
}

const person = { login: 'zoe', id: 1, type: 'User' }
