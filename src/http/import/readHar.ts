import * as v from 'valibot'
import { Failure } from '../../base/failure'
import type { CapturedExchange } from '../capturedExchange'
import { exchangeOf } from './harEntry'
import { entrySchema, harSchema } from './harSchema'

export interface HarContents {
  readonly exchanges: readonly Omit<CapturedExchange, 'id' | 'tunnelId'>[]
  /** How many entries were left out: requests for other than http, broken ones, and those beyond the limit. */
  readonly leftOut: number
}

export const harLimits = {
  /** In letters; JavaScript holds it several times over while it is read. */
  mostText: 128 * 1024 * 1024,
  mostEntries: 10_000,
  /** Of each body; the rest is counted only. */
  mostBodyBytes: 8 * 1024 * 1024,
}

/**
 * The exchanges in a HAR file, as a browser, a proxy or this program writes it, in their order.
 * @throws Failure when it is no HAR, is too large or has nothing that can be replayed.
 */
export function readHar(text: string, file: string, limits: typeof harLimits = harLimits): HarContents {
  if (text.length > limits.mostText)
    throw notReadable(file, 'is too large', 'Save a part of the requests, and import that.')
  const har = v.safeParse(harSchema, parsed(text, file))
  if (!har.success) throw notReadable(file, 'is no HAR: it has no list log.entries', adviceForHar)
  const { entries } = har.output.log
  const exchanges = entries.slice(0, limits.mostEntries).flatMap((entry) => {
    const read = v.safeParse(entrySchema, entry)
    const exchange = read.success ? exchangeOf(read.output, { file, limits }) : undefined
    return exchange === undefined ? [] : [exchange]
  })
  if (exchanges.length === 0) throw notReadable(file, 'has no request by http or https', adviceForHar)
  return { exchanges, leftOut: entries.length - exchanges.length }
}

function parsed(text: string, file: string): unknown {
  try {
    // Fiddler begins it with a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw notReadable(file, 'is no JSON', adviceForHar, cause)
  }
}

const adviceForHar =
  'Choose a file that was saved as HAR, such as by "Save all as HAR" in the Network view of a browser.'

function notReadable(file: string, what: string, advice: string, cause?: unknown): Failure {
  const message = `The file ${file} ${what}.`
  return new Failure({ kind: 'har-not-readable', hop: 'file', message, advice, canHeal: false, cause })
}
