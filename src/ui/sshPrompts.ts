import { window } from 'vscode'
import type { Redactor } from '../base/redactor'
import type { SshPrompts } from '../ssh/prompts'

/** Asks in dialogs what a connection needs to know. What is typed as a secret is told to the redactor first. */
export function sshPrompts(redactor: Redactor): SshPrompts {
  const askSecret = async (title: string, prompt: string): Promise<string | undefined> => {
    const secret = await window.showInputBox({ title, prompt, password: true, ignoreFocusOut: true })
    if (secret !== undefined) redactor.add(secret)
    return secret
  }
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
      askSecret(
        again ? 'Wrong password, try again' : 'Password',
        `Password of ${user}@${destination}. It is kept in memory while the tunnel is open, and nowhere else.`,
      ),
    passphrase: ({ keyFile, again }) =>
      askSecret(again ? 'Wrong passphrase, try again' : 'Passphrase', `Passphrase of the key ${keyFile}`),
    keyboardInteractive: async ({ destination, name, instructions, prompts }) => {
      const answers: string[] = []
      for (const [index, { prompt, echo }] of prompts.entries()) {
        const title = `${name || destination}${prompts.length > 1 ? ` (${index + 1} of ${prompts.length})` : ''}`
        const text = [instructions, prompt].filter((part) => part !== '').join(' ')
        const answer = echo
          ? await window.showInputBox({ title, prompt: text, ignoreFocusOut: true })
          : await askSecret(title, text)
        if (answer === undefined) return undefined
        answers.push(answer)
      }
      return answers
    },
  }
}
