import { isIP } from 'node:net'
import { Failure, type FailureDetails } from '../base/failure'
import { AcmeProblem, Unreachable } from './acmeProblem'

/** What was being ordered, and where. */
export interface Attempt {
  readonly hostName: string
  readonly directoryUrl: string
  /** The PEM file that is trusted for the directory. */
  readonly caFile?: string
}

/** Asking again before `retryAt`, in milliseconds since the epoch, only makes it worse. */
export class RateLimited extends Failure {
  constructor(
    details: FailureDetails,
    readonly retryAt: number,
  ) {
    super(details)
  }
}

/**
 * Every failure of ordering a certificate, each with its remedy. This is the only file that looks at the problem
 * types of ACME (RFC 8555 6.7) and the error codes of reaching its directory; it is long because it is a list.
 */
export const acmeFailures = {
  /** Names what ended an order; `now` is in milliseconds since the epoch. */
  ordering(error: unknown, attempt: Attempt & { now: number }): Failure {
    if (error instanceof Failure) return error
    if (error instanceof AcmeProblem) return ofProblem(error, attempt)
    if (error instanceof Unreachable) return ofUnreachable(error, attempt)
    const { message, syscall } = error as NodeJS.ErrnoException
    if (syscall !== undefined) return notStored(error as NodeJS.ErrnoException)
    if (message.startsWith(noAnswer)) return ofUnreachable(new Unreachable('ETIMEDOUT', message), attempt)
    return orderRefused(new AcmeProblem(undefined, message), attempt)
  },

  /** Undefined when asking the authority may succeed. */
  cannotBeOrdered({ hostName, directoryUrl }: Attempt): Failure | undefined {
    if (!URL.canParse(directoryUrl) || new URL(directoryUrl).protocol !== 'https:') {
      return new Failure({
        ...atCertificate('acme-directory-not-https'),
        message: `The ACME directory ${directoryUrl} is not an https: address.`,
        advice: 'Put the https: address of the directory into your settings.',
        remedies: [{ do: 'open settings' }],
      })
    }
    const reason = whyNobodyIssues(hostName)
    const isHopeless = isIP(hostName) !== 0 || hostName.startsWith('*') || publicAuthority.test(directoryUrl)
    return reason !== undefined && isHopeless ? nobodyIssues(hostName, reason) : undefined
  },

  noTlsAlpn(attempt: Attempt, offered: readonly string[]): Failure {
    return new Failure({
      ...atCertificate('acme-no-tls-alpn'),
      message: `${authorityOf(attempt)} cannot check ${attempt.hostName} through the tunnel: it does not offer tls-alpn-01.`,
      said: `It offers ${offered.join(', ') || 'nothing'}.`,
      advice: 'Use an authority that does, such as Let’s Encrypt, or name the files of a certificate.',
      remedies: [{ do: 'open settings' }],
    })
  },

  /** `what` has not come to an end. */
  stillPending(attempt: Attempt, what: string): Failure {
    return new Failure({
      ...atCertificate('acme-still-pending'),
      message: `${authorityOf(attempt)} did not finish ${what} in time.`,
      advice: 'Try again in a few minutes.',
      remedies: [{ do: 'retry' }],
      canHeal: true,
    })
  },

  caFileUnusable(path: string, said: string): Failure {
    return new Failure({
      ...atCertificate('acme-ca-file-unusable'),
      message: `The certificate authority of the ACME directory cannot be read from ${path}.`,
      said,
      advice: 'It must be a PEM file that holds -----BEGIN CERTIFICATE-----.',
      remedies: [{ do: 'open file', path }, { do: 'open settings' }],
    })
  },

  /** The certificate that came is not what was ordered. */
  strangeCertificate(attempt: Attempt, found: string): Failure {
    return new Failure({
      ...atCertificate('acme-strange-certificate'),
      message: `${authorityOf(attempt)} issued something that is no certificate for ${attempt.hostName}: ${found}.`,
      advice: 'Tell whoever runs it, or choose another directory.',
      remedies: [{ do: 'open settings' }, { do: 'show log' }],
    })
  },

  /** The one in use stays; `again` says when the next try is. */
  notRenewed(
    { hostName }: Attempt,
    { reason, again, error }: { reason: string; again: string; error: unknown },
  ): Failure {
    const advice = error instanceof Failure ? `${error.advice} ` : ''
    return new Failure({
      ...atCertificate('certificate-not-renewed'),
      message: `The certificate for ${hostName} could not be renewed. The present one stays while it is valid.`,
      said: reason,
      advice: `${advice}The next try is at ${again}.`,
      remedies: [{ do: 'show log' }],
      canHeal: true,
    })
  },

  clockIsAhead(attempt: Attempt, notAfter: number): Failure {
    return new Failure({
      ...atCertificate('clock-is-ahead'),
      message: `The certificate just issued for ${attempt.hostName} has expired by the clock of this machine.`,
      said: `It is valid until ${new Date(notAfter).toISOString()}.`,
      advice: 'Set the clock of this machine right, then try again.',
      remedies: [{ do: 'retry' }],
    })
  },
}

function atCertificate(kind: string): Pick<FailureDetails, 'kind' | 'hop' | 'canHeal'> {
  return { kind, hop: 'certificate', canHeal: false }
}

function ofProblem(problem: AcmeProblem, attempt: Attempt & { now: number }): Failure {
  const { status, instance } = problem.facts
  if (problem.type === 'rateLimited' || status === 429) return rateLimited(problem, attempt)
  const explain = status === undefined ? ofCheck(problem) : ofAnswer(problem, status)
  if (explain === undefined) return orderRefused(problem, attempt)
  return new Failure({
    hop: 'certificate',
    remedies: [{ do: 'retry' }, { do: 'open settings' }],
    canHeal: false,
    said: problem.detail,
    ...explain({ authority: authorityOf(attempt), instance, ...attempt }),
  })
}

/** What the check of the name ended with. Not every server has the type for it that RFC 8555 has. */
function ofCheck({ type, detail }: AcmeProblem): Explain | undefined {
  if (/could not resolve|NXDOMAIN|no valid A /i.test(detail)) return explanations['dns']
  if (/failed to connect|connection refused|timeout during connect/i.test(detail))
    return explanations['connection']
  return explanations[type ?? '']
}

/** What a request was answered with. */
function ofAnswer({ type }: AcmeProblem, status: number): Explain | undefined {
  if (status >= 500) return explanations['serverInternal']
  if (type === undefined) return notADirectory(status)
  // Of an account here, not of a name.
  return type === 'unauthorized' ? undefined : explanations[type]
}

type Explanation = Pick<FailureDetails, 'kind' | 'message' | 'advice'> & Partial<FailureDetails>
type Explain = (about: Attempt & { authority: string; instance: string | undefined }) => Explanation

const elsewhere: Explain = ({ hostName, authority }) => ({
  kind: 'acme-wrong-answer',
  message: `${authority} reached port 443 of ${hostName}, but something else than this tunnel answered.`,
  advice:
    `The check always comes to port 443 (RFC 8737). See that DNS for ${hostName} leads to your server, and that ` +
    'its port 443 is passed to this tunnel unopened, with no proxy that ends HTTPS in between.',
  canHeal: true,
})

/** By problem type. */
const explanations: Readonly<Record<string, Explain>> = {
  dns: ({ hostName, authority }) => ({
    kind: 'acme-dns',
    message: `${authority} could not find the address of ${hostName} in DNS.`,
    advice:
      `Add an A or AAAA record for ${hostName} that leads to your server. ` +
      'A new record may take some minutes to be seen everywhere.',
    canHeal: true,
  }),
  connection: ({ hostName, authority }) => ({
    kind: 'acme-connection',
    message: `${authority} could not connect to port 443 of ${hostName}.`,
    advice:
      `The check always comes to port 443 (RFC 8737) of the address that DNS has for ${hostName}. See that it is ` +
      'the address of your server, that no firewall is in between, and that port 443 there leads to this tunnel.',
    canHeal: true,
  }),
  tls: elsewhere,
  unauthorized: elsewhere,
  incorrectResponse: elsewhere,
  caa: ({ hostName, authority }) => ({
    kind: 'acme-caa',
    message: `A CAA record in DNS forbids ${authority} to issue certificates for ${hostName}.`,
    advice: 'Add this authority to the CAA record of the domain, or use an authority that it names.',
  }),
  rejectedIdentifier: ({ hostName, authority }) => ({
    kind: 'acme-rejected-name',
    message: `${authority} does not issue certificates for ${hostName}${becauseOf(hostName)}.`,
    advice: 'Use a name of a domain of your own in "publicUrl", or name the files of a certificate.',
    remedies: [{ do: 'open settings' }],
  }),
  userActionRequired: ({ authority, instance }) => ({
    kind: 'acme-user-action',
    message: `${authority} wants you to do something first.`,
    advice: instance === undefined ? 'What it says tells what.' : `Open ${instance} and follow what it says.`,
    remedies: [{ do: 'retry' }],
  }),
  externalAccountRequired: ({ authority }) => ({
    kind: 'acme-account-required',
    message: `${authority} issues only to customers who have registered on its website.`,
    advice: 'Use a directory without this, such as that of Let’s Encrypt.',
    remedies: [{ do: 'open settings' }],
  }),
  invalidContact: ({ authority }) => contactRefused(authority),
  unsupportedContact: ({ authority }) => contactRefused(authority),
  serverInternal: ({ authority }) => ({
    kind: 'acme-server-trouble',
    message: `${authority} has trouble of its own.`,
    advice: 'Try again in a few minutes.',
    canHeal: true,
  }),
}

const contactRefused = (authority: string): Explanation => ({
  kind: 'acme-contact-refused',
  message: `${authority} does not accept the contact address.`,
  advice: 'Correct the e-mail address in your settings, or leave it out.',
  remedies: [{ do: 'open settings' }],
})

function notADirectory(status: number): Explain {
  return ({ directoryUrl }) => ({
    kind: 'acme-not-a-directory',
    message: `What answers at ${directoryUrl} is not an ACME directory (HTTP ${status}).`,
    advice: 'Check the address of the directory in your settings.',
    remedies: [{ do: 'open settings' }],
  })
}

function orderRefused(problem: AcmeProblem, attempt: Attempt): Failure {
  return new Failure({
    ...atCertificate('acme-order-refused'),
    message: `${authorityOf(attempt)} refused to issue a certificate for ${attempt.hostName}.`,
    said: problem.type === undefined ? problem.detail : `${problem.type}: ${problem.detail}`,
    advice: 'What it says tells why; the log has the steps before.',
    remedies: [{ do: 'show log' }, { do: 'retry' }],
  })
}

const hour = 3_600_000

function rateLimited(problem: AcmeProblem, attempt: Attempt & { now: number }): RateLimited {
  const { detail } = problem
  // Let's Encrypt writes the time into the text as well.
  const written = /retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d) ?(?:UTC|Z)/i.exec(detail)
  const inText = written === null ? undefined : Date.parse(`${written[1] ?? ''}T${written[2] ?? ''}Z`)
  const { retryAfterMs } = problem.facts
  const byHeader = retryAfterMs === undefined ? undefined : attempt.now + retryAfterMs
  const retryAt = Math.max(byHeader ?? 0, inText ?? 0) || attempt.now + hour
  return new RateLimited(
    {
      kind: 'acme-rate-limited',
      hop: 'certificate',
      message: `${authorityOf(attempt)} has had too many requests of this kind and issues nothing for ${attempt.hostName} now.`,
      said: detail,
      advice: `Try again in ${spanOf(retryAt - attempt.now)}, after ${new Date(retryAt).toISOString().slice(0, 16).replace('T', ' ')} UTC. Trying before does not help.`,
      canHeal: true,
    },
    retryAt,
  )
}

/** In whole minutes, hours or days, rounded up. */
function spanOf(ms: number): string {
  const [size, unit] = ms < hour ? [60_000, 'minute'] : ms < 48 * hour ? [hour, 'hour'] : [24 * hour, 'day']
  const count = Math.max(1, Math.ceil(ms / size))
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** Of base/within. */
const noAnswer = 'no answer within'
const untrusted = /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|ERR_TLS_CERT)/

function ofUnreachable({ code = '', message }: Unreachable, attempt: Attempt): Failure {
  const { directoryUrl, caFile } = attempt
  if (!untrusted.test(code)) {
    const isUnknown = code === 'ENOTFOUND' || code === 'EAI_AGAIN'
    return new Failure({
      kind: 'acme-directory-unreachable',
      hop: 'certificate',
      message: `The ACME directory ${directoryUrl} could not be reached.`,
      said: message,
      advice: isUnknown
        ? 'Check the address in your settings, and that this machine is online.'
        : 'Check that this machine is online, and the proxy in the settings of VS Code if you need one.',
      remedies: [{ do: 'retry' }, { do: 'open settings' }],
      canHeal: true,
    })
  }
  return new Failure({
    ...atCertificate('acme-directory-untrusted'),
    message: `The ACME directory ${directoryUrl} shows a certificate that is not trusted. Nothing was sent to it.`,
    said: `${code}: ${message}`,
    advice:
      caFile === undefined
        ? 'If it is an authority of your own, name the PEM file of its root certificate in your settings. If not, somebody may be in between.'
        : `It was not issued by what ${caFile} holds, or is for another name, or has expired.`,
    remedies: [
      ...(caFile === undefined ? [] : [{ do: 'open file', path: caFile } as const]),
      { do: 'open settings' },
    ],
  })
}

function notStored(error: NodeJS.ErrnoException): Failure {
  return new Failure({
    ...atCertificate('certificate-not-stored'),
    message: 'The certificate was not ordered, because it could not be stored here.',
    said: error.message,
    advice: 'See that the disk is not full and that the folder belongs to you.',
    remedies: [{ do: 'retry' }],
  })
}

function nobodyIssues(hostName: string, reason: string): Failure {
  return new Failure({
    ...atCertificate('acme-name-not-public'),
    message: `No public authority issues a certificate for ${hostName}: ${reason}.`,
    advice:
      'Use a name of a domain of your own in "publicUrl", or the files of a certificate from an authority of your own.',
    remedies: [{ do: 'open settings' }],
  })
}

function becauseOf(hostName: string): string {
  const reason = whyNobodyIssues(hostName)
  return reason === undefined ? '' : `: ${reason}`
}

/** Those that anybody may order from; they issue for names of the public DNS only (CA/B baseline 4.2.2). */
const publicAuthority =
  /^https:\/\/[^/]*\b(letsencrypt\.org|pki\.goog|zerossl\.com|buypass\.(com|no)|ssl\.com|actalis\.it)(:\d+)?\//i

/** RFC 6761, RFC 6762 3, RFC 8375, RFC 7686, and what ICANN keeps for private use. */
const privateEnding =
  /(^|\.)(localhost|local|internal|intranet|private|corp|home|lan|home\.arpa|test|example|invalid)$/i

function whyNobodyIssues(hostName: string): string | undefined {
  if (isIP(hostName) !== 0) return 'it is an address, not a name'
  if (hostName.startsWith('*')) return 'a wildcard cannot be checked through a tunnel (RFC 8737 3)'
  const ending = privateEnding.exec(hostName)?.[2]
  if (ending !== undefined) return `names under .${ending} are private`
  return hostName.includes('.') ? undefined : 'it has no dot, so it is known in your own network only'
}

/** A name for people. */
function authorityOf({ directoryUrl }: Attempt): string {
  const { host } = new URL(directoryUrl)
  return host.endsWith('.letsencrypt.org') ? `Let’s Encrypt (${host})` : host
}
