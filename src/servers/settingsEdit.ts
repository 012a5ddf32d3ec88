import {
  applyEdits,
  getNodeValue,
  parseTree,
  printParseErrorCode,
  type Edit,
  type Node,
  type ParseError,
} from 'jsonc-parser'
import { lineOf, propertyOf, put, remove } from './jsonEdit'
import { settingsNotEditable } from './settingsNotEditable'

/** Where an object of servers stands in the text: `['exposePort.servers']` in settings.json. */
export type Path = readonly string[]

/**
 * Adds a server to the text of a settings.json, at the object that `path` leads to, which is made if need be. All
 * that stands there stays: comments, also those behind and between servers, line ends, tabs or spaces, commas.
 * @throws Failure when the text is not JSON with comments, or a server of that name is there already.
 */
export function addServerTo(text: string, path: Path, id: string, entry: object): string {
  if (serverIn(text, path, id) !== undefined) throw settingsNotEditable(`There is a server "${id}" already.`)
  return edit(text, (body, root) => put(body, root, [...path, id], entry))
}

/**
 * Writes a server anew, field by field, so that comments between its fields stay.
 * @throws Failure when the text is not JSON with comments, or has no such server.
 */
export function replaceServerIn(text: string, path: Path, id: string, entry: object): string {
  const former = serverIn(text, path, id)
  if (former === undefined) throw settingsNotEditable(`There is no server "${id}".`)
  const at = [...path, id]
  if (former.type !== 'object') return edit(text, (body, root) => put(body, root, at, entry))
  const value = getNodeValue(former) as Record<string, unknown>
  const changed = Object.entries(entry).filter(
    ([field, each]) => JSON.stringify(each) !== JSON.stringify(value[field]),
  )
  // New fields come first: an object that is never empty keeps its shape.
  const written = changed.reduce(
    (rest, [field, each]) => edit(rest, (body, root) => put(body, root, [...at, field], each)),
    text,
  )
  return Object.keys(value)
    .filter((field) => !Object.hasOwn(entry, field))
    .reduce((rest, field) => edit(rest, (body, root) => remove(body, root, [...at, field])), written)
}

/**
 * Takes a server out. Comments stay, for nobody knows which were about it.
 * @throws Failure when the text is not JSON with comments, or has no such server.
 */
export function removeServerFrom(text: string, path: Path, id: string): string {
  if (serverIn(text, path, id) === undefined) throw settingsNotEditable(`There is no server "${id}".`)
  return edit(text, (body, root) => remove(body, root, [...path, id]))
}

/**
 * The value that `path` leads to; undefined when nothing stands there.
 * @throws Failure when the text is not JSON with comments.
 */
export function valueIn(text: string, path: Path): unknown {
  const node = nodeIn(text, path)
  // getNodeValue makes objects without a prototype, which compare as different from all others.
  return node === undefined ? undefined : (JSON.parse(JSON.stringify(getNodeValue(node))) as unknown)
}

function serverIn(text: string, path: Path, id: string): Node | undefined {
  const servers = nodeIn(text, path)
  if (servers !== undefined && servers.type !== 'object')
    throw settingsNotEditable(`"${path.at(-1) ?? ''}" is not an object.`)
  return nodeIn(text, [...path, id])
}

function nodeIn(text: string, path: Path): Node | undefined {
  return path.reduce<Node | undefined>(
    (node, key) => (node === undefined ? undefined : propertyOf(node, key)?.children?.[1]),
    parse(text.slice(markLength(text))),
  )
}

function edit(text: string, change: (body: string, root: Node | undefined) => Edit[]): string {
  const mark = markLength(text)
  const body = text.slice(mark)
  return text.slice(0, mark) + applyEdits(body, change(body, parse(body)))
}

/** The byte order mark that editors of Windows put first is no part of JSON. */
function markLength(text: string): number {
  return text.startsWith('\ufeff') ? 1 : 0
}

/** Undefined for a text without a value: empty, or nothing but comments. */
function parse(body: string): Node | undefined {
  const errors: ParseError[] = []
  const root = parseTree(body, errors, { allowTrailingComma: true, allowEmptyContent: true })
  const [error] = errors
  if (error !== undefined) {
    const what = printParseErrorCode(error.error).replace(
      /(?<=.)[A-Z]/g,
      (letter) => ` ${letter.toLowerCase()}`,
    )
    throw settingsNotEditable(`Line ${lineOf(body, error.offset)}: ${what}.`)
  }
  if (root !== undefined && root.type !== 'object') throw settingsNotEditable('It is not an object.')
  return root
}
