import assert from 'node:assert/strict'
import type { Step } from '../../../src/servers/propose/proposal'
import { stepsInWords, stepsText } from '../../../src/ui/stepsText'

describe('the steps that a proposal needs', () => {
  const shell: Step = {
    what: 'Check it, and let nginx read it.',
    where: 'shell',
    lines: ['sudo nginx -t', 'x'],
  }
  const nginx: Step = { what: 'A new file.', where: 'nginx', lines: ['server {', '}'] }
  const dns: Step = { what: 'Let it lead here.', where: 'DNS', lines: ['*.dev.example.com. A 192.0.2.1'] }

  const words: [string, Step[]][] = [
    ['1 step on the server', [shell]],
    ['2 steps on the server', [nginx, shell]],
    ['1 step in DNS', [dns]],
    ['3 steps on the server and in DNS', [dns, nginx, shell]],
  ]
  for (const [said, steps] of words) it(`are ${said}`, () => assert.equal(stepsInWords(steps), said))

  it('stand in a document in their order, with their lines to paste and nothing changed in them', () =>
    assert.equal(
      stepsText({ title: 'A title', detail: 'What it is.' }, [dns, nginx, shell], {
        ssh: 'vps',
        then: 'Then look again.',
      }),
      `# A title

What it is.

## 1. DNS, where the domain is managed

Let it lead here.

\`\`\`
*.dev.example.com. A 192.0.2.1
\`\`\`

## 2. nginx on vps

A new file.

\`\`\`nginx
server {
}
\`\`\`

## 3. A shell on vps

Check it, and let nginx read it.

\`\`\`sh
sudo nginx -t
x
\`\`\`

---

Then look again.
`,
    ))
})
