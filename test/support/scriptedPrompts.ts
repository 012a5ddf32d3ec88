import type { SshPrompts } from '../../src/ssh/prompts'

/** Answers a connection's questions by a script, and keeps what was asked. A question without a script fails. */
export function scriptedPrompts(
  answers: Partial<SshPrompts> = {},
): SshPrompts & { readonly asked: unknown[] } {
  const asked: unknown[] = []
  const answer =
    <K extends keyof SshPrompts>(kind: K) =>
    (question: Parameters<SshPrompts[K]>[0]): ReturnType<SshPrompts[K]> => {
      asked.push({ kind, ...question })
      const script = answers[kind] as ((question: unknown) => ReturnType<SshPrompts[K]>) | undefined
      if (script === undefined) throw new Error(`nobody expected the question ${kind}`)
      return script(question)
    }
  return {
    asked,
    unknownHostKey: answer('unknownHostKey'),
    password: answer('password'),
    passphrase: answer('passphrase'),
    // Not a question: nobody has to expect it.
    passphraseProved: answers.passphraseProved ?? (() => undefined),
    keyboardInteractive: answer('keyboardInteractive'),
  }
}
