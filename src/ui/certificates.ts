import { join } from 'node:path'
import { env, Uri, window, type ExtensionContext } from 'vscode'
import type { Clock } from '../base/clock'
import type { Log } from '../base/log'
import type { PublicWay } from '../servers/profile'
import { expandHome } from '../ssh/sshConfig'
import { acmeCertificate } from '../tls/acmeCertificate'
import type { Certificate } from '../tls/certificate'
import { CertificateStore } from '../tls/certificateStore'
import { fileCertificate } from '../tls/fileCertificate'
import { settings } from './settings'

/** Makes the certificates for profiles whose HTTPS ends on this machine; what ACME gives is kept in our storage. */
export function certificates(
  { globalStorageUri }: ExtensionContext,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): (way: PublicWay) => Certificate {
  const store = new CertificateStore(join(globalStorageUri.fsPath, 'certificates'), log)
  return ({ publicUrl, certificate = 'acme' }) => {
    const hostName = new URL(publicUrl).hostname
    if (certificate !== 'acme') {
      const [keyPath, certPath] = [expandHome(certificate.key), expandHome(certificate.cert)]
      return fileCertificate({ keyPath, certPath, hostName, clock, log })
    }
    return acmeCertificate({ ...settings.acme(), hostName, store, agreeToTerms, clock, log })
  }
}

async function agreeToTerms(urlOfTerms: string | undefined): Promise<boolean> {
  const agree = 'Agree'
  const read = 'Read Them'
  // The directory names it, so it may lead anywhere but to another program.
  const isPage = urlOfTerms !== undefined && /^https?:\/\//i.test(urlOfTerms)
  for (;;) {
    const answer = await window.showInformationMessage(
      'Get a certificate from the authority?',
      {
        modal: true,
        detail:
          urlOfTerms === undefined
            ? 'It learns the name of the public URL, and puts it into a public log of certificates.'
            : `It learns the name of the public URL, and puts it into a public log of certificates. You agree to its terms of service:\n${urlOfTerms}`,
      },
      agree,
      ...(isPage ? [read] : []),
    )
    if (answer !== read || urlOfTerms === undefined) return answer === agree
    await env.openExternal(Uri.parse(urlOfTerms, true))
  }
}
