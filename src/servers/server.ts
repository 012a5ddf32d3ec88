import type { Log } from '../base/log'
import type { Destination } from '../ssh/destination'
import type { SshSettings } from '../ssh/settings'
import { expandHome, resolveSshSettings } from '../ssh/sshConfig'
import type { OwnProfile, ServerProfile } from './profile'

/** A server that tunnels can be opened on: its profile, and how to reach it by SSH. */
export interface Server {
  readonly profile: ServerProfile
  /** Asked before each attempt to connect. */
  settings(): Promise<SshSettings>
  /** Resolves a jump host on the way to it; as ssh_config says unless given. */
  readonly resolve?: (destination: Destination) => Promise<SshSettings>
  /** A certificate authority (PEM) of this server's own, for the check of the public URL. */
  readonly ca?: string
}

/** A server whose profile says everything itself. */
export interface OwnServer extends Server {
  readonly profile: OwnProfile
}

/** A configured server, reached as ssh_config says. */
export function configuredServer(profile: ServerProfile, log: Log): Server {
  return {
    profile,
    settings: async () => {
      const settings = await resolveSshSettings(profile.destination, log)
      if (profile.identityFile === undefined) return settings
      // A key named in the profile is the only one offered, so that a full agent cannot use up the server's tries.
      return { ...settings, identityFiles: [expandHome(profile.identityFile)], identitiesOnly: true }
    },
  }
}
