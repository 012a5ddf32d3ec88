import { longestNameIn } from '../servers/nameRoom'
import { readPortWishes } from '../servers/portWishes'
import type { ServerProfile } from '../servers/profile'
import { adapterOf } from '../servers/services/adapters'

/** Why a person cannot choose the name in the URLs of a server; undefined where they can. */
export function whyNoName(profile: ServerProfile): string | undefined {
  switch (profile.kind) {
    case 'gateway':
      return undefined
    case 'own':
      return profile.publicUrl.includes('{name}')
        ? undefined
        : `The URL of server "${profile.id}" has no {name} in it: ${profile.publicUrl}`
    case 'service': {
      const { title, naming } = adapterOf(profile.service)
      return naming.kind === 'asked'
        ? undefined
        : `${title} chooses the names of its URLs by itself; ${naming.instead}.`
    }
  }
}

/** How many characters a name may have with this server. */
export function longestNameOf(profile: ServerProfile): number {
  return profile.kind === 'own' ? longestNameIn(profile) : longestLabel
}

/** RFC 1035 2.3.4. */
const longestLabel = 63

/** What is wrong with a name, in words; undefined when nothing is. `taken` are the names of other ports. */
export function nameProblem(
  name: string,
  { longest, taken }: { readonly longest: number; readonly taken: ReadonlyMap<string, string> },
): string | undefined {
  const [problem] = readPortWishes({ '1': { name } }).problems
  if (name === '') return 'Write a name such as my-bot.'
  if (problem !== undefined) return `${problem.message}.`
  if (name.length > longest) return `It has ${name.length} characters; the server has room for ${longest}.`
  const holder = taken.get(name)
  return holder === undefined ? undefined : `"${name}" is the name of port ${holder} already.`
}

/** The URL that a tunnel with this URL and name would have under another name. */
export function renamedUrl(publicUrl: string, name: string, other: string): string {
  return publicUrl.replace(`//${name}.`, `//${other}.`).replace(`-${name}.`, `-${other}.`)
}
