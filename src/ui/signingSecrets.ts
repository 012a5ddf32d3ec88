import { InputBoxValidationSeverity, window, type SecretStorage } from 'vscode'
import type { CapturedRequest } from '../http/capturedExchange'

/** The secrets that webhooks are signed with, by app and provider, so that an edited one can be signed anew. */
export class SigningSecrets {
  constructor(private readonly storage: SecretStorage) {}

  /** The one that fits the request, asking for it where it is not known; undefined when a person gives none. */
  async secretFor(app: string, request: CapturedRequest): Promise<string | undefined> {
    const { signatureFieldsOf, verifySignature } = await import('../http/signatures/signature')
    const fields = signatureFieldsOf(request.fields)
    const key = `signing ${app} ${fields.join(' ')}`
    const isWrong = (secret: string) => verifySignature(request, { secret, now: Date.now() }) === 'wrong'
    const known = await this.storage.get(key)
    if (known !== undefined && !isWrong(known)) return known
    const given = await window.showInputBox({
      title: `The secret of ${fields.join(' and ')}`,
      prompt: `What port ${app} and its provider sign with, e.g. the app secret. It is kept in the secret storage.`,
      password: true,
      ignoreFocusOut: true,
      validateInput: (secret) =>
        secret !== '' && isWrong(secret)
          ? {
              message: 'The signature of the original request was not made with this secret.',
              severity: InputBoxValidationSeverity.Warning,
            }
          : undefined,
    })
    if (given === undefined || given === '') return undefined
    await this.storage.store(key, given)
    return given
  }
}
