import { StringDecoder } from 'node:string_decoder'
import { Redactor } from '../../base/redactor'

/** Cuts what a session prints into clean lines, wherever the chunks end. */
export class SessionLines {
  private readonly decoder = new StringDecoder('utf8')
  private rest = ''

  /** The lines this chunk completes. */
  push(chunk: Buffer): readonly string[] {
    const parts = `${this.rest}${this.decoder.write(chunk)}`.split(/\r\n|\r|\n/)
    this.rest = parts.pop() ?? ''
    // A line without end is no line of theirs; the beginning of it would only fill the memory.
    if (this.rest.length > longestLine) this.rest = ''
    return parts.map(cleanLine)
  }

  /** What came last and was not ended. */
  flush(): string {
    const line = cleanLine(this.rest)
    this.rest = ''
    return line
  }
}

/** In characters; an event of localhost.run holds a QR code, of some thousands. */
const longestLine = 64 * 1024

/**
 * Without the escape sequences of ECMA-48 (colours, cursor, titles and links with their targets) and other control
 * characters, and without the blanks around.
 */
export function cleanLine(line: string): string {
  return line.replace(escapes, '').replace(controls, '').trim()
}

const ESC = String.fromCharCode(27)
const BEL = String.fromCharCode(7)

const escapes = new RegExp(
  [
    // OSC, DCS, SOS, PM, APC: a string up to its end.
    `${ESC}[\\]PX^_][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)?`,
    // CSI
    `${ESC}\\[[0-?]*[ -/]*[@-~]`,
    // The others, with one letter.
    `${ESC}[ -/]*[0-~]`,
  ].join('|'),
  'g',
)

/** Cc, and Cf: what turns the direction of text or hides in it. */
const controls = /[\p{Cc}\p{Cf}]/gu

/** For a log or a message: bounded, and without a secret that a link may carry (sish’s console, x-authorization). */
export function quoteLine(line: string): string {
  const clean = redactor.redact(line)
  return clean.length > longestQuote ? `${clean.slice(0, longestQuote)}…` : clean
}

const redactor = new Redactor()
const longestQuote = 300
