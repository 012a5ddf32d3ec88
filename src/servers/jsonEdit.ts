import type { Edit, Node } from 'jsonc-parser'

// jsonc-parser has a `modify` of its own. It puts a new property in front of the comment behind the last one, and
// takes comments along with what it removes.

/**
 * What makes `path` lead to the value, in JSON with comments; objects on the way are made. `root` is the parsed
 * text, undefined when it has no value. Every object on the way must be one.
 */
export function put(text: string, root: Node | undefined, path: readonly string[], value: unknown): Edit[] {
  const style = styleOf(text, root)
  if (root === undefined) {
    const gap = text === '' || text.endsWith('\n') ? '' : style.eol
    const whole = `${gap}${render(nest(path, value), '', style)}${style.eol}`
    return [{ offset: text.length, length: 0, content: whole }]
  }
  let node = root
  for (const [index, key] of path.entries()) {
    const next = propertyOf(node, key)?.children?.[1]
    if (next === undefined) return insert(text, node, key, nest(path.slice(index + 1), value), style)
    node = next
  }
  return [
    { offset: node.offset, length: node.length, content: render(value, indentAt(text, node.offset), style) },
  ]
}

/** What takes away the property that `path` leads to, with its comma, and its line if nothing else stands there. */
export function remove(text: string, root: Node | undefined, path: readonly string[]): Edit[] {
  const parent = path
    .slice(0, -1)
    .reduce<Node | undefined>((node, key) => node && propertyOf(node, key)?.children?.[1], root)
  const property = parent && propertyOf(parent, path.at(-1) ?? '')
  if (parent === undefined || property === undefined) return []
  const before = parent.children?.[parent.children.indexOf(property) - 1]
  const { comma } = behind(text, endOf(property))
  const other = comma ?? (before === undefined ? undefined : behind(text, endOf(before)).comma)
  let [from, to] = [property.offset, endOf(property)]
  const edits: Edit[] = []
  if (comma !== undefined && /^[ \t]*$/.test(text.slice(to, comma))) to = comma + 1
  else if (other !== undefined) edits.push({ offset: other, length: 1, content: '' })
  if (startsLine(text, from)) {
    const rest = /^([ \t]*)(\r\n|\n|\r)?/.exec(text.slice(to))
    to += rest?.[0].length ?? 0
    if (rest?.[2] !== undefined) from -= indentAt(text, from).length
  }
  return [...edits, { offset: from, length: to - from, content: '' }].sort((a, b) => a.offset - b.offset)
}

/** The last of that name: of several, it is the one that counts. */
export function propertyOf(node: Node, key: string): Node | undefined {
  if (node.type !== 'object') return undefined
  return node.children?.findLast((property) => property.children?.[0]?.value === key)
}

/** From 1. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split(/\r\n|\n|\r/).length
}

interface Style {
  readonly eol: string
  /** One step of indentation. */
  readonly step: string
}

/** As the file has it; else as VS Code writes its settings. */
function styleOf(text: string, root: Node | undefined): Style {
  const first = root?.children?.[0]
  const step = first !== undefined && startsLine(text, first.offset) ? indentAt(text, first.offset) : ''
  return { eol: /\r\n|\n/.exec(text)?.[0] ?? '\n', step: step === '' ? '    ' : step }
}

function insert(text: string, object: Node, key: string, value: unknown, style: Style): Edit[] {
  const last = object.children?.at(-1)
  const outer = indentAt(text, object.offset)
  if (last === undefined) {
    const indent = outer + style.step
    const from = behind(text, object.offset + 1).lastComment ?? object.offset + 1
    const content = `${style.eol}${indent}${property(key, render(value, indent, style))}${style.eol}${outer}`
    return [{ offset: from, length: endOf(object) - 1 - from, content }]
  }
  const { comma, sameLine } = behind(text, endOf(last))
  const isOneLine = !/[\r\n]/.test(text.slice(object.offset, endOf(object)))
  const indent = startsLine(text, last.offset) ? indentAt(text, last.offset) : outer + style.step
  const content = isOneLine
    ? ` ${property(key, renderInLine(value))}`
    : `${style.eol}${indent}${property(key, render(value, indent, style))}`
  // Who writes a comma behind the last one means it.
  if (comma !== undefined) return [{ offset: sameLine, length: 0, content: `${content},` }]
  return [
    { offset: endOf(last), length: 0, content: ',' },
    { offset: sameLine, length: 0, content },
  ]
}

interface Behind {
  /** Where the comma stands. */
  readonly comma: number | undefined
  /** The end of what stands on the same line: the comma, comments. */
  readonly sameLine: number
  /** The end of the last comment. */
  readonly lastComment: number | undefined
}

/** What stands behind a property, up to the next one or the end of the object. */
function behind(text: string, offset: number): Behind {
  const token = /(?<lineBreak>\r\n|\n|\r)|[ \t]+|(?<comment>\/\/[^\r\n]*|\/\*[^]*?\*\/)|(?<comma>,)/y
  token.lastIndex = offset
  let comma: number | undefined
  let lastComment: number | undefined
  let sameLine = offset
  let isSameLine = true
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const end = token.lastIndex
    if (found.groups?.['lineBreak'] !== undefined) isSameLine = false
    if (found.groups?.['comment'] !== undefined) {
      lastComment = end
      if (isSameLine) sameLine = end
    }
    if (found.groups?.['comma'] !== undefined) {
      comma = found.index
      sameLine = end
      isSameLine = true
    }
  }
  return { comma, sameLine, lastComment }
}

function endOf(node: Node): number {
  return node.offset + node.length
}

function indentAt(text: string, offset: number): string {
  const line = /[^\r\n]*$/.exec(text.slice(0, offset))?.[0] ?? ''
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

function startsLine(text: string, offset: number): boolean {
  return /(^|[\r\n])[ \t]*$/.test(text.slice(0, offset))
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value)
}

function property(key: string, value: string): string {
  return `${JSON.stringify(key)}: ${value}`
}

/** A line break in what JSON.stringify returns is always one between its parts. */
function render(value: unknown, indent: string, { eol, step }: Style): string {
  return JSON.stringify(value, null, step).replaceAll('\n', eol + indent)
}

function renderInLine(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(/\n */g, ' ')
}
