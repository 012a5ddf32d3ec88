import type { ExposurePrompts } from '../../src/servers/listen'
import type { SshPrompts } from '../../src/ssh/prompts'

type Prompts = SshPrompts & ExposurePrompts

/** Answers a tunnel's questions by a script, and keeps what was asked. A question without a script fails. */
export function scriptedPrompts(answers: Partial<Prompts> = {}): Prompts & { readonly asked: unknown[] } {
  const asked: unknown[] = []
  const answer =
    <K extends keyof Prompts>(kind: K) =>
    (question: Parameters<Prompts[K]>[0]): ReturnType<Prompts[K]> => {
      asked.push({ kind, ...question })
      const script = answers[kind] as ((question: unknown) => ReturnType<Prompts[K]>) | undefined
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
    becamePublic: answer('becamePublic'),
    takeOver: answer('takeOver'),
  }
}
