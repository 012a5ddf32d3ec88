import { shortened } from '../shortened'
import type { Trouble } from './trouble'

export interface TroubleFacts {
  readonly where: 'app' | 'public URL'
  readonly callbackUrl: string
  readonly appPort: number | undefined
  /** By this machine, though not by the public. */
  readonly isTrustedHere: boolean
  readonly said: string | undefined
}

/** What is wrong, in one sentence. */
export function textOf(trouble: Trouble, facts: TroubleFacts): string {
  const { pathname, host, hostname } = new URL(facts.callbackUrl)
  const it = facts.where === 'app' ? 'The app' : host
  switch (trouble.kind) {
    case 'status':
      return trouble.status === 404
        ? `${it} has nothing at ${pathname} (404).`
        : `${it} answers ${trouble.status} ${trouble.reason}`.trimEnd() + '.'
    case 'redirect':
      return `${it} redirects ${pathname}${trouble.to === '' ? '' : ` to ${shortened(trouble.to, 100)}`}.`
    case 'challenge':
      return `${it} does not answer with the challenge alone: ${answerInWords(trouble)}.`
    case 'certificate name':
      return `The certificate at ${host} is for another name.`
    case 'certificate untrusted':
      return facts.isTrustedHere
        ? `The certificate of ${hostname} is trusted by this machine, but not by the public.`
        : `The certificate of ${hostname} is not publicly trusted, or its chain is not whole.`
    case 'certificate expired':
      return `The certificate of ${hostname} is not valid now.`
    case 'too slow':
      return `${it} did not answer in time.`
    case 'no such name':
      return `The name ${hostname} does not exist in DNS.`
    case 'unreachable':
      return facts.where === 'app'
        ? `Nothing answers on port ${facts.appPort ?? ''}${inBrackets(facts.said)}.`
        : `${host} could not be reached${inBrackets(facts.said)}.`
    case 'no TLS':
      return `${it} does not speak HTTPS.`
    case 'not https':
      return `${facts.callbackUrl} is no https: URL.`
    case 'port':
      return `It stands on port ${trouble.port}, which the provider does not call.`
  }
}

/** What to do about it. */
export function cureOf(trouble: Trouble, facts: TroubleFacts): string {
  const isApp = facts.where === 'app'
  switch (trouble.kind) {
    case 'status':
      return cureOfStatus(trouble.status, isApp)
    case 'redirect':
      return 'Register the path that it leads to; a missing or needless / at the end is often the reason.'
    case 'challenge':
      return 'Answer with the value of hub.challenge as the whole body: as plain text, without quotes, not as JSON.'
    case 'certificate name':
      return `Get a certificate that covers ${new URL(facts.callbackUrl).hostname}.`
    case 'certificate untrusted':
      return 'Use one from a public authority such as Let’s Encrypt, and let the server send its whole chain.'
    case 'certificate expired':
      return 'Renew it.'
    case 'too slow':
      return 'Answer at once and do the work afterwards. At a breakpoint, let the app go on.'
    case 'no such name':
      return 'Add an A or AAAA record that points to the server.'
    case 'unreachable':
      return isApp
        ? 'Start the app.'
        : 'See that the tunnel is open, and that no firewall is before the server.'
    case 'no TLS':
      return isApp
        ? 'Restart the tunnel: the app spoke HTTPS before.'
        : 'Let the server speak HTTPS on that port.'
    case 'not https':
      return 'Expose the port in a way that has HTTPS.'
    case 'port':
      return 'Let the server listen on port 443.'
  }
}

function cureOfStatus(status: number, isApp: boolean): string {
  if (status === 404) return 'Choose the path at which the app answers webhooks.'
  if (status === 401 || status === 403)
    return isApp
      ? 'The verify token must be the same in the app and here; after a change of its environment, restart the app.'
      : 'No password or rule may stand before this path; let it be open to all.'
  if (status === 405) return 'The app must take GET and POST at this path.'
  if (status === 413) return 'Let the reverse proxy take larger bodies (nginx: client_max_body_size).'
  if (status >= 502 && status <= 504) return 'Start the app, and see that the tunnel is open.'
  if (status >= 500) return 'The app failed: its own log tells why.'
  return 'The app must answer 200.'
}

function answerInWords({ expected, received }: Extract<Trouble, { kind: 'challenge' }>): string {
  const plain = received.trim()
  if (plain === '') return 'its answer is empty'
  if (plain === expected) return 'there is white space around it'
  if (plain === `"${expected}"` || plain === `'${expected}'`) return 'it stands in quotes'
  if (/^<(!doctype|html|\?xml|\w)/i.test(plain)) return 'its answer is a page'
  if (/^[{[]/.test(plain)) return 'its answer is JSON'
  return `it says “${shortened(plain, 60)}”`
}

function inBrackets(said: string | undefined): string {
  return said === undefined || said === '' ? '' : ` (${said})`
}
