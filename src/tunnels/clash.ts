import { formatAddress } from '../base/address'
import { Failure } from '../base/failure'
import { fillIn, isNamed, type ServerProfile } from '../servers/profile'
import type { Server } from '../servers/server'
import { describeNeighbour, type Neighbour } from './neighbours'
import type { Tunnel } from './tunnel'

/** The address a second tunnel must not have; undefined where the server or the service finds a free one. */
export function addressOf(profile: ServerProfile, name: string): string | undefined {
  switch (profile.kind) {
    case 'own': {
      const { bind } = profile
      if (bind.kind === 'tcp' && bind.firstPort !== bind.lastPort) return undefined
      return formatAddress(fillIn(profile, { name }).bind)
    }
    case 'gateway':
      return name
    case 'service':
      return undefined
  }
}

/** Another tunnel of this window has it. */
export function addressAlreadyExposed({ profile }: Server, address: string, other: Tunnel): Failure {
  const hasNames = profile.kind !== 'own' || isNamed(profile)
  return new Failure({
    kind: 'address-already-exposed',
    hop: 'remote forward',
    message: `${address} on ${profile.ssh} already leads to port ${other.app.port}, at ${other.title}.`,
    advice: hasNames
      ? 'Stop that tunnel first, or give one of the ports another name.'
      : 'Stop that tunnel first, or give the server a "bind" and "publicUrl" with {name}.',
    remedies: [hasNames ? { do: 'change name' } : { do: 'open settings' }],
    canHeal: false,
  })
}

/** A tunnel of another window of this machine has it, and the server refused. */
export function heldByAnotherWindow(refused: Failure, address: string, holder: Neighbour): Failure {
  return new Failure({
    kind: 'held-by-another-window',
    hop: 'remote forward',
    message: `${address} is in use by ${describeNeighbour(holder)}.`,
    ...(refused.said === undefined ? {} : { said: refused.said }),
    advice: 'Stop it there, or give this port another name.',
    remedies: [{ do: 'change name' }, { do: 'retry' }],
    canHeal: true,
    cause: refused,
  })
}
