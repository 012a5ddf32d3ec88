import { Failure } from '../base/failure'
import type { SshSettings } from '../ssh/settings'
import { formatBind, type OwnProfile } from './profile'

/** Why a server that agreed to listen is still not public, or no address was left. */
export const listenFailures = {
  /** sshd says yes to any address and listens on loopback (sshd_config(5), GatewayPorts no). */
  boundToLoopback(profile: OwnProfile, settings: SshSettings): Failure {
    return new Failure({
      kind: 'bound-to-loopback',
      hop: 'remote forward',
      message: `Asked for ${formatBind(profile.bind)}, ${settings.hostName} would listen on loopback only, where no visitor comes.`,
      said: 'GatewayPorts is "no" there.',
      advice:
        'Put "GatewayPorts clientspecified" into its sshd_config, check it with "sshd -t", and reload sshd. Or let a reverse proxy there pass visitors on.',
      remedies: [{ do: 'retry' }, { do: 'open settings' }],
      canHeal: false,
    })
  },

  takenOver(publicUrl: string, holder: string): Failure {
    return new Failure({
      kind: 'taken-over',
      hop: 'remote forward',
      message: `${publicUrl} has been taken over by ${holder}.`,
      advice: 'Stop it there and try again, or give this port another name.',
      remedies: [{ do: 'retry' }, { do: 'change name' }],
      canHeal: false,
    })
  },

  rangeTaken(profile: OwnProfile, settings: SshSettings): Failure {
    return new Failure({
      kind: 'range-taken',
      hop: 'remote forward',
      message: `No port of ${formatBind(profile.bind)} is free on ${settings.hostName}.`,
      advice: 'Stop a tunnel, or give "bind" a wider range.',
      remedies: [{ do: 'retry' }, { do: 'open settings' }],
      canHeal: true,
    })
  },
}
