import type { Proposal, Step } from '../servers/propose/proposal'

/** The steps that a proposal needs, or would be better with, as Markdown, each with its lines to paste. */
export function stepsText(
  { title, detail }: Pick<Proposal, 'title' | 'detail'>,
  steps: readonly Step[],
  options: { readonly ssh: string; readonly then: string },
): string {
  const parts = steps.flatMap((step, index) => [
    `## ${index + 1}. ${placeOf(step.where, options.ssh)}`,
    step.what,
    fenced(step),
  ])
  return `${[`# ${title}`, detail, ...parts, '---', options.then].join('\n\n')}\n`
}

/** `3 steps on the server and in DNS`. */
export function stepsInWords(steps: readonly Step[]): string {
  const inDns = steps.filter(({ where }) => where === 'DNS').length
  const places = [...(inDns < steps.length ? ['on the server'] : []), ...(inDns > 0 ? ['in DNS'] : [])]
  return `${countOf(steps)} ${places.join(' and ')}`
}

/** `3 steps`. */
export function countOf(steps: readonly Step[]): string {
  return steps.length === 1 ? '1 step' : `${steps.length} steps`
}

function placeOf(where: Step['where'], ssh: string): string {
  switch (where) {
    case 'sshd_config':
      return `sshd_config on ${ssh}`
    case 'authorized_keys':
      return `authorized_keys on ${ssh}`
    case 'nginx':
      return `nginx on ${ssh}`
    case 'Caddyfile':
      return `Caddyfile on ${ssh}`
    case 'DNS':
      return 'DNS, where the domain is managed'
    case 'shell':
      return `A shell on ${ssh}`
  }
}

/** The name of a language behind a fence colours what is in it. */
function fenced({ where, lines }: Step): string {
  const language = {
    shell: 'sh',
    nginx: 'nginx',
    Caddyfile: '',
    DNS: '',
    sshd_config: '',
    authorized_keys: '',
  }
  return ['```' + language[where], ...lines, '```'].join('\n')
}
