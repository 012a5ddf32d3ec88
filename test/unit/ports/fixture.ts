import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file of test/fixtures/ports. */
export function fixture(name: string, encoding: BufferEncoding = 'utf8'): string {
  return readFileSync(join(__dirname, '../../fixtures/ports', name), encoding)
}
