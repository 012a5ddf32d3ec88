import type { Finding } from './evidence'

/** The findings as a document to read, with what the provider would say and the cure. */
export function findingsText(
  findings: readonly Finding[],
  { title, callbackUrl }: { readonly title: string; readonly callbackUrl: string },
): string {
  const places = [
    ['app', 'Straight to the app on this machine'],
    ['public URL', 'Through the public URL, as from outside'],
  ] as const
  const sections = places.flatMap(([place, heading]) => [
    `## ${heading}`,
    '',
    ...findings.filter(({ where }) => where === place).flatMap((finding) => linesOf(finding, title)),
    '',
  ])
  return [`# ${title}: ${callbackUrl}`, '', ...sections].join('\n')
}

/** How many stand in the way, and how many are to be thought of, in words. */
export function findingsInWords(findings: readonly Finding[]): string {
  const failed = findings.filter(({ verdict }) => verdict === 'fail').length
  const warnings = findings.filter(({ verdict }) => verdict === 'warning').length
  const parts = [
    ...(failed === 0 ? [] : [`${failed} ${failed === 1 ? 'check' : 'checks'} failed`]),
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
  ]
  return parts.length === 0 ? 'every check passed' : parts.join(', ')
}

const words = { pass: 'passed', warning: 'WARNING', fail: 'FAILED', 'not reached': 'not reached' } as const

function linesOf({ verdict, check, text, wouldSay, advice, snippet }: Finding, title: string): string[] {
  return [
    `- ${check}: **${words[verdict]}**${verdict === 'not reached' ? '' : `. ${text}`}`,
    ...(wouldSay === undefined ? [] : ['', `  ${title} would say: \`${wouldSay.replaceAll('`', "'")}\``]),
    ...(advice === undefined ? [] : ['', `  → ${advice}`]),
    ...(snippet === undefined ? [] : ['', '```js', snippet.trimEnd(), '```']),
    ...(verdict === 'pass' || verdict === 'not reached' ? [] : ['']),
  ]
}
