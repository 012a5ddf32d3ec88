import { diffArrays } from 'diff'
import type { LineChange } from './comparison'

/** So many changes are looked for; beyond, what lies between the first and the last is shown as one. */
const mostChanges = 1000

/** The lines of two texts side by side, in bounded time. */
export function compareLines(before: string, after: string): LineChange[] {
  const [former, latter] = [linesOf(before), linesOf(after)]
  const start = commonLength(former, latter, (lines, index) => lines[index])
  const rest = Math.min(former.length, latter.length) - start
  const end = Math.min(
    rest,
    commonLength(former, latter, (lines, index) => lines[lines.length - 1 - index]),
  )
  const middle = [former.slice(start, former.length - end), latter.slice(start, latter.length - end)] as const
  const changes: LineChange[] = [
    { kind: 'same', lines: former.slice(0, start) },
    ...between(...middle),
    { kind: 'same', lines: former.slice(former.length - end) },
  ]
  return changes.filter(({ lines }) => lines.length > 0)
}

function between(former: string[], latter: string[]): LineChange[] {
  const changes = diffArrays(former, latter, { maxEditLength: mostChanges })
  return (
    changes?.map(({ added, removed, value }) => ({
      kind: added ? 'added' : removed ? 'removed' : 'same',
      lines: value,
    })) ?? [
      { kind: 'removed', lines: former },
      { kind: 'added', lines: latter },
    ]
  )
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/\r\n|\n/)
}

function commonLength(
  former: readonly string[],
  latter: readonly string[],
  at: (lines: readonly string[], index: number) => string | undefined,
): number {
  const most = Math.min(former.length, latter.length)
  let length = 0
  while (length < most && at(former, length) === at(latter, length)) length += 1
  return length
}
