import { window, type ExtensionContext } from 'vscode'
import type { Log } from '../base/log'
import type { Redactor } from '../base/redactor'
import type { SshPrompts } from '../ssh/prompts'
import { plainText } from './plainText'
import { RememberedPassphrases, type PassphraseDialogs } from './rememberedPassphrases'

/** Asks in dialogs what a connection needs to know. What is typed as a secret is told to the redactor first. */
export function sshPrompts(
  { secrets, globalState }: Pick<ExtensionContext, 'secrets' | 'globalState'>,
  redactor: Redactor,
  log: Log,
): SshPrompts {
  // Several connections may ask at once, and a second input box would close the first.
  const inTurn = queue()
  const askSecret = async (title: string, prompt: string): Promise<string | undefined> => {
    const secret = await window.showInputBox({ title, prompt, password: true, ignoreFocusOut: true })
    if (secret !== undefined) redactor.add(secret)
    return secret
  }
  const passphrases = new RememberedPassphrases({
    ...{ secrets, memory: globalState, redactor, log },
    dialogs: { ask: ({ title, prompt }) => askSecret(title, prompt), offer: offerToRemember },
  })
  return {
    unknownHostKey: async ({ destination, keyType, fingerprint, others }) => {
      const trust = 'Trust and Remember'
      const known =
        others.length === 0
          ? ''
          : `\n\nOther keys of this server are known: ${others.map((host) => `${host.key.type} (${host.file}, line ${host.line})`).join('; ')}.`
      const answer = await window.showWarningMessage(
        `The server ${destination} is not known yet. Is this its key?`,
        {
          modal: true,
          detail: `${keyType}\n${fingerprint}\n\nCompare it with what the server’s own "ssh-keygen -lf" prints. Until you trust it, no credential is sent.${known}`,
        },
        trust,
      )
      return answer === trust
    },
    password: ({ user, destination, again }) =>
      inTurn(() =>
        askSecret(
          again ? 'Wrong password, try again' : 'Password',
          `Password of ${user}@${destination}. It is kept in memory while the tunnel is open, and nowhere else.`,
        ),
      ),
    passphrase: (question) => inTurn(() => passphrases.passphrase(question)),
    passphraseProved: (question) => passphrases.passphraseProved(question),
    keyboardInteractive: ({ destination, name, instructions, prompts }) =>
      inTurn(async () => {
        const answers: string[] = []
        for (const [index, { prompt, echo }] of prompts.entries()) {
          // The server chooses the name; whose question it is must always stand there.
          const count = prompts.length > 1 ? ` (${index + 1} of ${prompts.length})` : ''
          const title = `${destination}${name === '' ? '' : `: ${name}`}${count}`
          const text = plainText([instructions, prompt].filter((part) => part !== '').join(' '))
          const answer = echo
            ? await window.showInputBox({ title, prompt: text, ignoreFocusOut: true })
            : await askSecret(title, text)
          if (answer === undefined) return undefined
          answers.push(answer)
        }
        return answers
      }),
  }
}

const offerToRemember: PassphraseDialogs['offer'] = async (keyFile) => {
  const question = `Remember the passphrase of ${keyFile}?`
  switch (await window.showInformationMessage(question, 'Remember', 'Not Now', 'Never')) {
    case 'Remember':
      return 'remember'
    case 'Never':
      return 'never'
    default:
      return 'not now'
  }
}

/** Runs one after the other. */
function queue(): <T>(ask: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (ask) => {
    const answer = last.then(ask)
    last = answer.catch(() => undefined)
    return answer
  }
}
