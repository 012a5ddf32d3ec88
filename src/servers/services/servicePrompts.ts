import type { SshPrompts } from '../../ssh/prompts'
import type { ServiceName } from '../profile'
import { adapterOf } from './adapters'

/**
 * The prompts for a service's login: where it lets anybody in and asks for a password all the same, an empty one is
 * given without a question. A person is asked when a password was not taken.
 */
export function servicePrompts(service: ServiceName, prompts: SshPrompts): SshPrompts {
  if (!adapterOf(service).takesAnyPassword) return prompts
  return {
    unknownHostKey: (question) => prompts.unknownHostKey(question),
    passphrase: (question) => prompts.passphrase(question),
    passphraseProved: (question) => prompts.passphraseProved(question),
    password: (question) => (question.again ? prompts.password(question) : Promise.resolve('')),
    keyboardInteractive: ({ prompts: questions }) => Promise.resolve(questions.map(() => '')),
  }
}
