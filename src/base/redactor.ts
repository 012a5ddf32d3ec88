/**
 * Takes secrets out of text on its way to the log: those it was told of, and what by its form is one.
 * It sits at the sink, so that no writer has to remember it.
 */
export class Redactor {
  /** In every form they may take, the longest first: one may be the beginning of another. */
  private secrets: readonly string[] = []

  /** From now on this text never comes out. Texts under four letters are left: hiding them would hide words. */
  add(secret: string): void {
    if (secret.length < 4) return
    const bytes = Buffer.from(secret)
    const forms = [
      secret,
      // Of the bytes: encodeURIComponent throws on half a surrogate pair.
      encodeURIComponent(bytes.toString()),
      new URLSearchParams([['', secret]]).toString().slice(1),
      JSON.stringify(secret).slice(1, -1),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ]
    this.secrets = [...new Set([...this.secrets, ...forms])].sort((a, b) => b.length - a.length)
  }

  redact(text: string): string {
    let clean = text
    for (const secret of this.secrets) clean = clean.replaceAll(secret, mask)
    for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement)
    return clean
  }
}

/** Stands where a secret was. */
export const mask = '•••'

const header = String.raw`\b(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key)["']?\s*[:=]\s*`
const field = String.raw`(?:password|passphrase|passwd|secret|token|api[_-]?key)["']?\s*[:=]\s*`
// Up to the quote that closes it, which stays.
const inQuotes = String.raw`(["'])(?:\\.|(?!\2)[^\\\r\n])*`

/** Each takes time in proportion to the text: what a server says is logged too, and it may be hostile. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, mask],
  [new RegExp(String.raw`(${header})\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\]?`, 'gi'), `$1${mask}`],
  [new RegExp(`(${header})${inQuotes}`, 'gi'), `$1$2${mask}`],
  [new RegExp(String.raw`(${header})(?![\s"'•])[^\r\n]+`, 'gi'), `$1${mask}`],
  [/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, `$1 ${mask}`],
  [new RegExp(`(${field})${inQuotes}`, 'gi'), `$1$2${mask}`],
  [new RegExp(String.raw`(${field})(?![\s"'•])[^\s"'&,;]+`, 'gi'), `$1${mask}`],
  // The user part of a URL: https://user:password@host
  [/(:\/\/[^\s/?#:@]*):[^\s/?#]+@/g, `$1:${mask}@`],
]
