import type { Limit } from './measure'
import { isMet, type RowResult } from './result'

/** The results in columns, as a table of Markdown that can be read in a terminal too. */
export function table(rows: readonly RowResult[], limits: readonly Limit[]): string {
  const limitOf = new Map(limits.map(({ name, value }) => [name, value]))
  const head = ['', 'unit', 'without SSH', 'ours', 'OpenSSH', 'ratio', 'spread', 'goal', '']
  const lines = rows.map((row) => cells(row, limitOf.get(row.name)))
  const widths = head.map((title, column) =>
    Math.max(...[title, ...lines.map((line) => line[column] ?? '')].map(({ length }) => length), 3),
  )
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, column) => (column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column < 2 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...lines.map(line)].join('\n')
}

function cells(row: RowResult, limit: number | undefined): string[] {
  const { name, unit, ours, openssh, ratio, goal, rounds } = row
  const ratios = rounds.map((round) => round.ratio)
  const disturbed = rounds.filter((round) => round.disturbed).length
  const mark = disturbed > 0 ? ` (${disturbed} of ${rounds.length} disturbed)` : ''
  return [
    ...[
      name,
      unit,
      limit === undefined ? '' : number(limit),
      number(ours),
      number(openssh),
      ratio.toFixed(2),
    ],
    `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}${mark}`,
    ...(goal === undefined ? ['', ''] : [`${goal}`, isMet(row) ? 'met' : 'missed']),
  ]
}

/** Three digits that count, with thousands set apart. */
export function number(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)))
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
