import { longestSocketPath, type OwnProfile } from './profile'

/**
 * The longest name, in characters, that fits wherever `{name}` stands: into a label of the host, into the host, into
 * the socket's path. 63, as long as a label may be, where no {name} stands.
 */
export function longestNameIn({ bind, publicUrl }: Pick<OwnProfile, 'bind' | 'publicUrl'>): number {
  const host = /^\w+:\/\/([^/]*?)(?::[^:\]]*)?(?:\/|$)/.exec(publicUrl)?.[1] ?? ''
  const inBind = bind.kind === 'unix' ? room(bind.path, longestSocketPath) : longestLabel
  return Math.max(
    0,
    Math.min(longestLabel, inBind, room(host, longestHost), ...host.split('.').map(roomInLabel)),
  )
}

/** What a name needs to say at least whose it is: a few letters, the port, and what tells it from others. */
export const shortestLongestName = 20

/** RFC 1035 2.3.4; the name as it is written has two octets fewer than the 255 on the wire. */
const longestLabel = 63
const longestHost = 253

function roomInLabel(label: string): number {
  return room(label, longestLabel)
}

function room(text: string, most: number): number {
  const count = text.split('{name}').length - 1
  if (count === 0) return longestLabel
  const fixed = Buffer.byteLength(text.replaceAll('{name}', '').replaceAll('{port}', '65535'))
  return Math.floor((most - fixed) / count)
}
