import { isExceeded, isMet, type BoundResult, type Results, type RowResult } from './result'

/** The results as Markdown that can be read in a terminal too; `facts` says what was measured where. */
export function report(facts: string, { rows, limits, bounds }: Results): string {
  const limitOf = new Map(limits.map(({ name, value }) => [name, value]))
  const sections = [
    `${facts}. A ratio is the median of those of the rounds, which follow one that warms up; above 1 ours is better.`,
    rows.length === 0
      ? undefined
      : table(
          rowHead,
          rows.map((row) => rowCells(row, limitOf.get(row.name))),
        ),
    bounds.length === 0 ? undefined : table(boundHead, bounds.map(boundCells)),
  ]
  return sections.filter((section) => section !== undefined).join('\n\n')
}

const rowHead = ['', 'unit', 'no SSH', 'ours', 'OpenSSH', 'ratio', 'spread', 'goal', '']
const boundHead = ['', 'unit', 'ours', 'below', '']

function rowCells(row: RowResult, limit: number | undefined): string[] {
  const { name, unit, ours, openssh, ratio, goal, rounds } = row
  const ratios = rounds.map((round) => round.ratio)
  const disturbed = rounds.filter((round) => round.disturbed).length
  const remark = disturbed > 0 ? `, ${disturbed} of ${rounds.length} disturbed` : ''
  return [
    ...[name, unit, limit === undefined ? '' : number(limit), number(ours), number(openssh), number(ratio)],
    `${number(Math.min(...ratios))}–${number(Math.max(...ratios))}${remark}`,
    ...(goal === undefined ? ['', ''] : [`${goal}`, isMet(row) ? 'met' : 'missed']),
  ]
}

function boundCells(bound: BoundResult): string[] {
  const { name, unit, value, most } = bound
  return [name, unit, number(value), `${most}`, isExceeded(bound) ? 'missed' : 'met']
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]!.length)))
  // Words to the left, numbers to the right.
  const pad = (text: string, column: number) =>
    column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
  const rule = widths.map((width, column) => (column < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [head.map(pad), rule, ...rows.map((row) => row.map(pad))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** Three digits that count, with thousands set apart. */
export function number(value: number): string {
  const digits = Math.min(2, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1))))
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
