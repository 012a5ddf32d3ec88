import { assertNever } from '../base/assertNever'
import { Failure, type Remedy } from '../base/failure'
import type { Examined } from './examinePair'

interface Files {
  readonly keyPath: string
  readonly certPath: string
  readonly hostName: string
}

/** What can be wrong with a certificate that is read from files, each with its remedy. */
export const certificateFileFailures = {
  unreadable(path: string, error: NodeJS.ErrnoException): Failure {
    const isAbsent = error.code === 'ENOENT'
    return new Failure({
      kind: isAbsent ? 'certificate-file-missing' : 'certificate-file-unreadable',
      hop: 'certificate',
      message: isAbsent ? `There is no file ${path}.` : `${path} cannot be read.`,
      said: error.message,
      advice: isAbsent
        ? 'Check the paths under "certificate" in your settings.'
        : 'Make the file readable for the user that VS Code runs as.',
      remedies: [{ do: 'open settings' }, { do: 'retry' }],
      canHeal: false,
      cause: error,
    })
  },

  /** `found` is what the pair turned out to be instead of good. */
  unusable(found: Exclude<Examined, { kind: 'good' }>, { keyPath, certPath, hostName }: Files): Failure {
    const of = (kind: string, path: string, message: string, advice: string, said?: string) => {
      const remedies: Remedy[] = [{ do: 'open file', path }, { do: 'open settings' }, { do: 'retry' }]
      const heard = said === undefined ? {} : { said }
      return new Failure({ kind, hop: 'certificate', message, advice, remedies, canHeal: false, ...heard })
    }
    switch (found.kind) {
      case 'no certificate':
        return of(
          'certificate-not-pem',
          certPath,
          `${certPath} holds no certificate in PEM form.`,
          'It must begin with -----BEGIN CERTIFICATE-----. Convert it, or name another file in your settings.',
        )
      case 'certificate cut off':
        return of(
          'certificate-cut-off',
          certPath,
          `${certPath} ends in the middle of a certificate.`,
          'Wait until it is written, or copy it again.',
        )
      case 'no key':
        return of(
          'certificate-key-not-pem',
          keyPath,
          `${keyPath} holds no private key in PEM form.`,
          'It must hold -----BEGIN PRIVATE KEY----- or the like. Name the key file of this certificate.',
        )
      case 'key encrypted':
        return of(
          'certificate-key-encrypted',
          keyPath,
          `The private key in ${keyPath} is locked with a passphrase.`,
          'Save it without one, readable for you only: openssl pkey -in KEY -out NEWKEY',
        )
      case 'not a pair':
        return of(
          'certificate-key-mismatch',
          certPath,
          `The key in ${keyPath} does not belong to the certificate in ${certPath}.`,
          'Name the two files that were made together.',
        )
      case 'wrong order':
        return of(
          'certificate-wrong-order',
          certPath,
          `The certificate that belongs to the key is not the first one in ${certPath}.`,
          `Put the certificate of ${hostName} first, then those that issued it, in order.`,
        )
      case 'refused by TLS':
        return of(
          'certificate-refused-by-tls',
          certPath,
          `TLS does not accept the key and the certificate in ${certPath}.`,
          'Make a new certificate: RSA of 2048 bits or more, or ECDSA P-256.',
          found.said,
        )
      case 'other name':
        return of(
          'certificate-wrong-name',
          certPath,
          `The certificate in ${certPath} is not for ${hostName} but for ${found.names.join(', ') || 'no name at all'}.`,
          `Name the files of a certificate that covers ${hostName}, or change "publicUrl".`,
        )
      case 'expired':
        return of(
          'certificate-expired',
          certPath,
          `The certificate in ${certPath} expired on ${dateOf(found.life.notAfter)}.`,
          'Renew it; the new files are picked up by themselves while a tunnel is open.',
        )
      case 'not yet valid':
        return of(
          'certificate-not-yet-valid',
          certPath,
          `The certificate in ${certPath} is valid only from ${dateOf(found.life.notBefore)}.`,
          'Check the clock of this machine, or wait.',
        )
      default:
        return assertNever(found)
    }
  },
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
