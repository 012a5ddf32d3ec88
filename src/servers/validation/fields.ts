import { posix, win32 } from 'node:path'
import * as v from 'valibot'
import { tlsEnds, type CertificateChoice } from '../profile'
import { bindExamples } from './bind'
import { shorten, type Problem } from './problem'
import { publicUrlExamples } from './publicUrl'

/** What to write into each field, as the messages say it. */
export const examples = {
  ssh: '"deploy@dev.example.com"',
  bind: bindExamples,
  publicUrl: publicUrlExamples,
  tls: '"server", "here", "app" or "none"',
  certificate: '"acme" or { "key": "~/certs/dev.key", "cert": "~/certs/dev.pem" }',
  proxyProtocol: 'true or false',
  identityFile: '"~/.ssh/id_ed25519"',
  domain: '"bot.example.com"',
  service: '"localhost.run" or { "sish": "my.sish.host" }',
}
export type Field = keyof typeof examples

/** The field's value, or what is wrong with it. A field that is not there is undefined. */
export interface Fields {
  readonly ssh?: string
  readonly bind?: string
  readonly publicUrl?: string
  readonly tls?: (typeof tlsEnds)[number]
  readonly certificate?: CertificateChoice
  readonly proxyProtocol?: boolean
  readonly identityFile?: string
  readonly domain?: string
}

/** Reads the types of all fields but `service`, and names the fields that do not exist. */
export function readFields(entry: object): { fields: Fields; problems: Problem[] } {
  const problems: Problem[] = unknownFields(entry)
  const fields: Partial<Record<Field, unknown>> = {}
  for (const [field, shape] of Object.entries(shapes)) {
    // Only what stands there itself: a prototype lends nothing.
    const value = Object.hasOwn(entry, field) ? (entry as Record<string, unknown>)[field] : undefined
    if (value === undefined) continue
    const parsed = v.safeParse(shape, value)
    if (parsed.success) fields[field as Field] = parsed.output
    else problems.push({ field, message: parsed.issues[0].message })
  }
  return { fields: fields as Fields, problems }
}

/** True when the field stands there with a value, whatever it is. */
export function has(entry: object, field: Field): boolean {
  return Object.hasOwn(entry, field) && (entry as Record<string, unknown>)[field] !== undefined
}

export function missing(field: Field): Problem {
  return { field, message: `is missing; write ${examples[field]}` }
}

function text(field: Field): v.GenericSchema<string> {
  const message = `must be a text such as ${examples[field]}`
  return v.pipe(v.string(message), v.nonEmpty(message))
}

const certificatePath = (which: 'key' | 'cert') =>
  v.pipe(
    v.string(`needs "${which}", the path of a PEM file; write ${examples.certificate}`),
    v.check(
      isWholePath,
      `needs the whole path of "${which}", from the root or from ~/; write ${examples.certificate}`,
    ),
  )

/** Relative to what? VS Code's working directory is nobody's business. */
function isWholePath(path: string): boolean {
  const isHome = /^~[/\\]./.test(path)
  return (isHome || posix.isAbsolute(path) || win32.isAbsolute(path)) && !/[\0\r\n]/.test(path)
}

const certificateMessage = `must be ${examples.certificate}`
const certificate: v.GenericSchema<CertificateChoice> = v.lazy((value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? v.strictObject({ key: certificatePath('key'), cert: certificatePath('cert') }, certificateMessage)
    : v.literal('acme', certificateMessage),
)

/** RFC 1123 2.1, with the underscore that some have. */
export const hostName =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/

const shapes: Record<Exclude<Field, 'service'>, v.GenericSchema> = {
  ssh: text('ssh'),
  bind: text('bind'),
  publicUrl: text('publicUrl'),
  tls: v.picklist(tlsEnds, `must be ${examples.tls}`),
  certificate,
  proxyProtocol: v.boolean(`must be ${examples.proxyProtocol}`),
  identityFile: v.pipe(
    text('identityFile'),
    v.regex(/^\P{Cc}*$/u, `must be a path such as ${examples.identityFile}`),
  ),
  domain: v.pipe(
    text('domain'),
    v.toLowerCase(),
    v.regex(hostName, `must be a host name such as ${examples.domain}`),
  ),
}

function unknownFields(entry: object): Problem[] {
  return Object.keys(entry)
    .filter((field) => !Object.hasOwn(examples, field))
    .map((field) => ({
      field: shorten(field),
      message: `is not a field; the fields are ${Object.keys(examples).join(', ')}`,
    }))
}
