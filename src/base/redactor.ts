/**
 * Takes secrets out of text on its way to the log: those it was told of, and what by its form is one.
 * It sits at the sink, so that no writer has to remember it.
 */
export class Redactor {
  private readonly secrets = new Set<string>()

  /** From now on this text never comes out. Texts under four letters are left: hiding them would hide words. */
  add(secret: string): void {
    if (secret.length < 4) return
    this.secrets.add(secret)
    this.secrets.add(encodeURIComponent(secret))
    this.secrets.add(JSON.stringify(secret).slice(1, -1))
    this.secrets.add(Buffer.from(secret).toString('base64'))
  }

  redact(text: string): string {
    let clean = text
    for (const secret of this.secrets) clean = clean.replaceAll(secret, mask)
    for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement)
    return clean
  }
}

const mask = '•••'

const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, mask],
  [
    /\b(authorization|proxy-authorization|cookie|set-cookie|x-api-key)(["']?\s*[:=]\s*["']?)[^\r\n"']+/gi,
    `$1$2${mask}`,
  ],
  [/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, `$1 ${mask}`],
  [
    /\b(password|passphrase|passwd|secret|access_token|token)(["']?\s*[:=]\s*["']?)[^\s"'&,;]+/gi,
    `$1$2${mask}`,
  ],
  // The user part of a URL: https://user:password@host
  [/(\w+:\/\/[^\s/:@]+):[^\s/@]+@/g, `$1:${mask}@`],
]
