import { Failure, type FailureDetails } from '../base/failure'
import type { ApiUnreachable } from './api'

/** A provider's no. What a person answered wrongly is to be asked for again. */
export class ProviderFailure extends Failure {
  /** Ids of asks. */
  readonly askAgain: readonly string[]

  constructor(
    details: Omit<FailureDetails, 'hop' | 'canHeal'> & { askAgain?: readonly string[]; canHeal?: boolean },
  ) {
    super({ remedies: [{ do: 'retry' }], canHeal: false, ...details, hop: 'webhook provider' })
    this.askAgain = details.askAgain ?? []
  }
}

/** No API of any provider was reached. */
export function unreachableFailure({ code, message, host }: ApiUnreachable): Failure {
  if (/^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|ERR_TLS_CERT)/.test(code)) {
    return new ProviderFailure({
      kind: 'provider-untrusted',
      message: `${host} shows a certificate that is not trusted. Nothing was sent to it.`,
      said: `${code}: ${message}`,
      advice:
        'If it is a server of your own, name the PEM file of its authority in "exposePort.webhooks.caFile". If not, somebody may be in between.',
      remedies: [{ do: 'open settings' }],
    })
  }
  return new ProviderFailure({
    kind: 'provider-unreachable',
    message: `${host} could not be reached.`,
    said: message,
    advice: 'Check that this machine is online, and the proxy in the settings of VS Code if you need one.',
    canHeal: true,
  })
}
