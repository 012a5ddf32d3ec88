import type { Transform } from 'node:stream'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { tokensOf } from '../exchange'
import type { Field } from '../field'

export interface Decoded {
  readonly bytes: Buffer
  /** Why it is not all of the content; undefined when it is. */
  readonly lacks:
    'the limit was reached' | 'the data is damaged or cut' | 'the coding is not known' | undefined
}

/**
 * The content without its Content-Encoding (RFC 9110 8.4), as far as it goes and up to a limit in bytes, since few bytes may
 * stand for very many. Where a coding is not known, the bytes are as they came. Never rejects.
 */
export async function decodeContent(
  fields: readonly Field[],
  bytes: Uint8Array,
  limit: number,
): Promise<Decoded> {
  let content: Buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let lacks: Decoded['lacks']
  for (const coding of codingsOf(fields).reverse()) {
    if (content.length === 0) break
    const decoded = await removeCoding(coding, content, limit)
    content = decoded.bytes
    lacks ??= decoded.lacks
    if (lacks === 'the coding is not known') break
  }
  return content.length > limit
    ? { bytes: content.subarray(0, limit), lacks: 'the limit was reached' }
    : { bytes: content, lacks }
}

/** In the order they were applied; without `identity`, which changes nothing. */
export function codingsOf(fields: readonly Field[]): string[] {
  return tokensOf(fields, 'content-encoding').filter((coding) => coding !== 'identity')
}

/** The content as the Content-Encoding of the fields says; undefined where one of its codings cannot be written here. */
export async function encodeContent(
  fields: readonly Field[],
  content: Uint8Array,
): Promise<Buffer | undefined> {
  let bytes: Buffer = Buffer.from(content)
  for (const coding of codingsOf(fields)) {
    const encode = encoders.get(coding)
    if (encode === undefined) return undefined
    bytes = await encode(bytes)
  }
  return bytes
}

const gzip = promisify<Buffer, Buffer>(zlib.gzip)
const encoders: ReadonlyMap<string, (bytes: Buffer) => Promise<Buffer>> = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', promisify<Buffer, Buffer>(zlib.deflate)],
  ['br', promisify<Buffer, Buffer>(zlib.brotliCompress)],
])

async function removeCoding(coding: string, bytes: Buffer, limit: number): Promise<Decoded> {
  const strict = decoderOf(coding, bytes, {})
  if (strict === undefined) return { bytes, lacks: 'the coding is not known' }
  const decoded = await run(strict, bytes, limit)
  if (decoded.lacks !== 'the data is damaged or cut') return decoded
  // Told not to mind the missing end, zlib hands out all that it could read.
  const lenient = decoderOf(coding, bytes, { mayBeCut: true })
  return lenient === undefined ? decoded : { ...decoded, bytes: (await run(lenient, bytes, limit)).bytes }
}

function decoderOf(
  coding: string,
  bytes: Buffer,
  { mayBeCut = false }: { readonly mayBeCut?: boolean },
): Transform | undefined {
  const options = mayBeCut ? { finishFlush: zlib.constants.Z_SYNC_FLUSH } : {}
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip(options)
    case 'deflate':
      // RFC 9110 8.4.1.2: some send the data without the zlib format around it.
      return isZlib(bytes) ? zlib.createInflate(options) : zlib.createInflateRaw(options)
    case 'br':
      return zlib.createBrotliDecompress(
        mayBeCut ? { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH } : {},
      )
    case 'zstd': {
      // From Node 22.15 on.
      const create: unknown = Reflect.get(zlib, 'createZstdDecompress')
      return isFactory(create) ? create() : undefined
    }
    default:
      return undefined
  }
}

function isFactory(value: unknown): value is () => Transform {
  return typeof value === 'function'
}

/** RFC 1950 2.2: method 8, and a checksum of the first two bytes. */
function isZlib(bytes: Buffer): boolean {
  const [first = 0, second = 0] = bytes
  return first % 16 === 8 && (first * 256 + second) % 31 === 0
}

/** Stops as soon as there is more than the limit; what came before an error counts. */
function run(decoder: Transform, bytes: Buffer, limit: number): Promise<Decoded> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const finish = (lacks: Decoded['lacks']) => {
      decoder.destroy()
      resolve({ bytes: Buffer.concat(chunks).subarray(0, limit), lacks })
    }
    decoder.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > limit) finish('the limit was reached')
    })
    decoder.on('error', () => finish('the data is damaged or cut'))
    decoder.on('end', () => finish(undefined))
    decoder.end(bytes)
  })
}
