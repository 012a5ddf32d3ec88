import { formatHostPort } from '../base/address'
import { Failure } from '../base/failure'
import type { AccessWish } from '../http/access/accessRules'
import type { GateOptions } from '../http/gateOptions'
import { parseHostPort } from '../ssh/destination'
import { readAccess } from './accessWish'
import { readDuration, readHold } from './holdWish'
import { dnsLabel, longestLabel, tunnelName } from './name'

/** What the user wishes for one port. */
export interface PortWish {
  /** A DNS label, to stand for `{name}`. */
  readonly name?: string
  readonly gate: GateOptions
  /** Who may come in; where it cannot be read, nobody knows whom it was to keep out. */
  readonly access?: AccessWish | 'unreadable'
}

/** By what is exposed, as `keyOf` writes it. */
export type PortWishes = ReadonlyMap<string, PortWish>

/** Something wrong in `exposePort.ports`, said where it stands, with what to write instead. */
export interface PortProblem {
  readonly port: string
  readonly field?: string
  readonly message: string
}

/** An app on this machine (`localhost`) or on another. */
interface Target {
  readonly host: string
  readonly port: number
}

/** Reads the setting `exposePort.ports`. What is wrong is left out; the rest keeps working. */
export function readPortWishes(value: unknown): { wishes: PortWishes; problems: readonly PortProblem[] } {
  const wishes = new Map<string, PortWish>()
  if (value === undefined || value === null) return { wishes, problems: [] }
  if (!isObject(value)) {
    return {
      wishes,
      problems: [{ port: '', message: 'must be an object: { "3000": { "name": "my-bot" } }' }],
    }
  }
  const problems: PortProblem[] = []
  for (const [port, entry] of Object.entries(value)) {
    const target = readTarget(port)
    const key = target === undefined ? undefined : keyOf(target)
    if (key === undefined) {
      problems.push({ port, message: 'is not a port; write "3000", or "host:3000" for another machine' })
    } else if (wishes.has(key)) {
      problems.push({ port, message: `means the same as "${key}", which stands there too; remove one` })
      wishes.set(key, { gate: {}, ...wishes.get(key), access: 'unreadable' })
    } else {
      const read = readWish(entry, new Set([...wishes.values()].map((wish) => wish.name)))
      problems.push(...read.problems.map((problem) => ({ port, ...problem })))
      wishes.set(key, read.wish)
    }
  }
  return { wishes, problems }
}

function readWish(
  entry: unknown,
  taken: ReadonlySet<string | undefined>,
): { wish: PortWish; problems: Omit<PortProblem, 'port'>[] } {
  if (!isObject(entry))
    return {
      wish: { gate: {}, access: 'unreadable' },
      problems: [{ message: 'must be an object: { "name": "my-bot" }' }],
    }
  const names = ['name', ...Object.keys(gateFields), 'access']
  const allFields = `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`
  const problems: Omit<PortProblem, 'port'>[] = []
  let gate: GateOptions = {}
  let wished: string | undefined
  let access: PortWish['access']
  for (const [field, value] of Object.entries(entry)) {
    if (field === 'access') {
      const result = readAccess(value)
      access = 'wrong' in result ? 'unreadable' : result.value
      if ('wrong' in result) problems.push({ field, message: result.wrong })
      continue
    }
    const read = Object.hasOwn(gateFields, field) ? gateFields[field] : undefined
    const result: Read<GateOptions | string> =
      field === 'name'
        ? readFreeName(value, taken)
        : (read?.(value) ?? { wrong: `is not a field; the fields are ${allFields}` })
    if ('wrong' in result) problems.push({ field, message: result.wrong })
    else if (typeof result.value === 'string') wished = result.value
    else gate = { ...gate, ...result.value }
  }
  const name = wished === undefined ? {} : { name: wished }
  return { wish: { ...name, gate, ...(access === undefined ? {} : { access }) }, problems }
}

/** What was read, or what is wrong with it and what to write instead. */
export type Read<T> = { readonly value: T } | { readonly wrong: string }

/** The fields of a port that the gate goes by. */
const gateFields: Readonly<Record<string, (value: unknown) => Read<GateOptions>>> = {
  host: (value) =>
    value === 'local' || value === 'public'
      ? { value: { hostHeader: value } }
      : { wrong: 'must be "local" or "public"' },
  capture: (value) =>
    typeof value === 'boolean' ? { value: { capture: value } } : { wrong: 'must be true or false' },
  answerWithin: (value) => {
    const read = readDuration(value, { least: '100ms', most: '1h', example: '30s' })
    return 'wrong' in read ? read : { value: { answerWithinMs: read.value } }
  },
  hold: (value) => {
    const read = readHold(value)
    if ('wrong' in read) return read
    return { value: read.value === undefined ? {} : { hold: read.value } }
  },
}

/** `exposePort.ports › "3000" › "name": …` */
export function formatPortProblem({ port, field, message }: PortProblem): string {
  const place = [port, field ?? ''].filter((part) => part !== '').map((part) => ` › "${part}"`)
  return `exposePort.ports${place.join('')}: ${message}`
}

/**
 * What stands for `{name}`: the user's own name for this port, else one made from the folder and the port.
 * `longest` is how many characters there is room for (`longestNameIn`), 63 unless given.
 * @throws Failure when the user's own does not fit; it is never changed.
 */
export function nameFor(options: {
  readonly wishes: PortWishes
  readonly target: Target
  readonly folder: string | undefined
  readonly longest?: number
}): string {
  const { wishes, target, folder, longest = longestLabel } = options
  const name = wishes.get(keyOf(target))?.name
  if (name === undefined) return tunnelName(folder, target.port, longest)
  if (name.length <= longest) return name
  throw new Failure({
    kind: 'name-too-long',
    hop: 'settings',
    message: `The name "${name}" of port ${keyOf(target)} has ${name.length} characters, and the server has room for ${longest}.`,
    advice: 'Write a shorter name for this port in the setting exposePort.ports.',
    remedies: [{ do: 'open settings' }],
    canHeal: false,
  })
}

/** What the user wishes of the gate for this port. */
export function gateFor(wishes: PortWishes, target: Target): GateOptions {
  return wishes.get(keyOf(target))?.gate ?? {}
}

/**
 * Who may come in to this port, as the settings have it.
 * @throws Failure when that cannot be read: a port whose rules are not known is not opened to everybody.
 */
export function accessFor(
  { wishes, problems }: { readonly wishes: PortWishes; readonly problems: readonly PortProblem[] },
  target: Target,
): AccessWish {
  const key = keyOf(target)
  const access = wishes.get(key)?.access ?? {}
  if (access !== 'unreadable') return access
  const isOfPort = ({ port, field }: PortProblem) => {
    const other = readTarget(port)
    return (field ?? 'access') === 'access' && other !== undefined && keyOf(other) === key
  }
  throw new Failure({
    kind: 'access-unreadable',
    hop: 'settings',
    message: `Who may come in to port ${key} cannot be read, so the port stays as it is.`,
    said: problems.filter(isOfPort).map(formatPortProblem).join(' '),
    advice: 'Put it right in the setting exposePort.ports, and try again.',
    remedies: [{ do: 'open port settings' }, { do: 'retry' }],
    canHeal: false,
  })
}

/** How a target stands in the settings: `3000` for this machine, `host:3000` otherwise. */
export function keyOf({ host, port }: Target): string {
  const plain = host.toLowerCase()
  return plain === 'localhost' ? String(port) : formatHostPort(plain, port)
}

/** How a target stands in what is written already, which may say `localhost:3000`; else as `keyOf`. */
export function writtenKeyOf(target: Target, written: Readonly<Record<string, unknown>>): string {
  const key = keyOf(target)
  const isSame = (other: Target | undefined) => other !== undefined && keyOf(other) === key
  return Object.keys(written).find((each) => isSame(readTarget(each))) ?? key
}

function readTarget(key: string): Target | undefined {
  const text = /^\d{1,5}$/.test(key) ? `localhost:${key}` : key
  const hostPort = parseHostPort(text)
  if (hostPort?.port === undefined || /[\s@]/.test(hostPort.host)) return undefined
  return { host: hostPort.host, port: hostPort.port }
}

function readFreeName(value: unknown, taken: ReadonlySet<string | undefined>): Read<string> {
  const name = readName(value)
  if ('wrong' in name || !taken.has(name.value)) return name
  return { wrong: `"${name.value}" is the name of another port too; write another` }
}

function readName(value: unknown): Read<string> {
  if (typeof value !== 'string') return { wrong: 'must be a text such as "my-bot"' }
  // Two dashes stay as they are, but in third place they mark another script (RFC 5891 4.2.3.1), which wants proof.
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value) && !/^..--/.test(value)) return { value }
  const label = dnsLabel(value).slice(0, longestLabel).replace(/-+$/, '')
  const shown = value.length > 100 ? `${value.slice(0, 100)}…` : value
  const instead = label === '' ? 'letters a to z, digits and dashes, such as "my-bot"' : `"${label}"`
  return { wrong: `"${shown}" cannot be part of a host name; write ${instead}` }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
