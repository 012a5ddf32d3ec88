import { formatAddress, formatHostPort, type Address } from '../base/address'
import { Failure, type Hop } from '../base/failure'
import type { HostKeyDecision } from './hostKey'
import { fingerprint, type PublicKey } from './publicKey'
import type { SshSettings } from './settings'

/**
 * Every failure of the SSH room, each with its remedy. This is the only file that looks at the message texts of
 * ssh2, Node and sshd.
 */
export const failures = {
  /** What ended the attempt to connect, by the step it had reached. */
  connecting(error: unknown, hop: Hop, settings: SshSettings): Failure {
    if (error instanceof Failure) return error
    const server = formatHostPort(settings.hostName, settings.port)
    const code = codeOf(error)
    if (hop === 'DNS' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      return new Failure({
        kind: 'name-not-found',
        hop: 'DNS',
        message: `The name ${settings.hostName} was not found.`,
        said: messageOf(error),
        advice: 'Check the spelling of the server in your settings, and that this machine is online.',
        remedies: [{ do: 'open settings' }, { do: 'retry' }],
        canHeal: true,
        cause: error,
      })
    }
    if (hop === 'TCP') {
      const refused = code === 'ECONNREFUSED'
      return new Failure({
        kind: refused ? 'server-refused-connection' : 'server-unreachable',
        hop: 'TCP',
        message: refused
          ? `Nothing answers SSH at ${server}: the connection was refused.`
          : `The server ${server} could not be reached.`,
        said: messageOf(error),
        advice: refused
          ? 'Check that sshd runs there and that the port is right.'
          : 'Check the network, the address and the firewall in between.',
        remedies: [{ do: 'retry' }, { do: 'open settings' }],
        canHeal: true,
        cause: error,
      })
    }
    if (code === 'connection-lost') return failures.lost(settings, error)
    return new Failure({
      kind: 'handshake-failed',
      hop: 'SSH handshake',
      message: `${server} answered, but no SSH connection came of it.`,
      said: messageOf(error),
      advice: 'Check that an SSH server listens on that port; the log has the whole exchange.',
      remedies: [{ do: 'show log' }, { do: 'retry' }],
      canHeal: true,
      cause: error,
    })
  },

  timedOut(hop: Hop, settings: SshSettings): Failure {
    const server = formatHostPort(settings.hostName, settings.port)
    return new Failure({
      kind: hop === 'TCP' || hop === 'DNS' ? 'server-unreachable' : 'handshake-timed-out',
      hop,
      message:
        hop === 'TCP' || hop === 'DNS'
          ? `The server ${server} did not answer within ${settings.connectTimeoutMs / 1000} s.`
          : `${server} accepted the connection but did not finish the ${hop} within ${settings.connectTimeoutMs / 1000} s.`,
      advice: 'Check the network, the address and the firewall in between.',
      remedies: [{ do: 'retry' }, { do: 'open settings' }],
      canHeal: true,
    })
  },

  hostKeyRefused(
    decision: Extract<HostKeyDecision, { kind: 'refuse' }>,
    key: PublicKey,
    settings: SshSettings,
  ): Failure {
    const server = formatHostPort(settings.hostName, settings.port)
    const common = { hop: 'host key', canHeal: false } as const
    const shown = `${key.type} ${fingerprint(key)}`
    switch (decision.reason) {
      case 'changed': {
        const { known } = decision
        return new Failure({
          ...common,
          kind: 'host-key-changed',
          message: `The host key of ${server} has changed. Nothing was sent to it: this may be another server.`,
          said: `It now shows ${shown}. ${known.file}, line ${known.line}, has ${known.key.type} ${fingerprint(known.key)}.`,
          advice: `If you know why it changed, remove line ${known.line} of ${known.file} and try again.`,
          remedies: [{ do: 'open file', path: known.file, line: known.line }],
        })
      }
      case 'revoked':
        return new Failure({
          ...common,
          kind: 'host-key-revoked',
          message: `The host key of ${server} is marked as revoked. Nothing was sent to it.`,
          said: `It shows ${shown}, revoked by ${decision.known.file}, line ${decision.known.line}.`,
          advice: 'Ask whoever runs the server for its present key.',
          remedies: [{ do: 'open file', path: decision.known.file, line: decision.known.line }],
        })
      case 'unknown':
        return new Failure({
          ...common,
          kind: 'host-key-unknown',
          message: `The host key of ${server} is not known, and StrictHostKeyChecking is yes. Nothing was sent to it.`,
          said: `It shows ${shown}.`,
          advice: `Connect once with ssh, or add its key to ${settings.userKnownHostsFiles[0] ?? 'known_hosts'}.`,
        })
    }
  },

  hostKeyDeclined(settings: SshSettings): Failure {
    return new Failure({
      kind: 'host-key-declined',
      hop: 'host key',
      message: `You did not trust the host key of ${formatHostPort(settings.hostName, settings.port)}. Nothing was sent to it.`,
      advice: 'Compare the fingerprint with the server’s own (ssh-keygen -lf on its host key) and try again.',
      remedies: [{ do: 'retry' }],
      canHeal: false,
    })
  },

  authentication(
    settings: SshSettings,
    facts: { tried: readonly string[]; methodsLeft: readonly string[]; tooMany: boolean },
  ): Failure {
    const tried =
      facts.tried.length > 0 ? facts.tried.join(', ') : 'nothing: no key file or agent key was found'
    return new Failure({
      kind: facts.tooMany ? 'too-many-authentication-tries' : 'authentication-refused',
      hop: 'authentication',
      message: `${settings.user}@${settings.hostName} did not let you in. Tried: ${tried}.`,
      ...(facts.methodsLeft.length > 0 ? { said: `It accepts: ${facts.methodsLeft.join(', ')}.` } : {}),
      advice: facts.tooMany
        ? 'Name the right key: "identityFile" in the server’s settings, or IdentityFile with IdentitiesOnly in ssh_config.'
        : 'Check the user name, and that the public key stands in ~/.ssh/authorized_keys there.',
      remedies: [{ do: 'open settings' }, { do: 'show log' }],
      canHeal: false,
    })
  },

  /** A refused tcpip-forward or streamlocal-forward; `serverMessages` are sshd's SSH_MSG_DEBUG texts. */
  forwardRefused(bind: Address, serverMessages: readonly string[], settings: SshSettings): Failure {
    const address = formatAddress(bind)
    const said = serverMessages.join(' ')
    const common = {
      hop: 'remote forward' as const,
      ...(said === '' ? {} : { said }),
      remedies: [{ do: 'show log' } as const, { do: 'retry' } as const],
    }
    if (/disabled (port|streamlocal) forwarding/i.test(said)) {
      return new Failure({
        ...common,
        kind: 'forwarding-disabled',
        message: `${settings.hostName} does not allow remote forwards for ${settings.user}.`,
        advice:
          bind.kind === 'tcp'
            ? 'In its sshd_config, set "AllowTcpForwarding remote" (or yes), and check PermitListen and DisableForwarding.'
            : 'In its sshd_config, set "AllowStreamLocalForwarding remote" and "AllowTcpForwarding remote" (or yes).',
        canHeal: false,
      })
    }
    if (/port forwarding refused/i.test(said)) {
      return new Failure({
        ...common,
        kind: 'forward-not-permitted',
        message: `${settings.hostName} does not permit ${settings.user} to listen on ${address}.`,
        advice: 'Check PermitListen in its sshd_config and permitlisten= in authorized_keys.',
        canHeal: false,
      })
    }
    const privileged = bind.kind === 'tcp' && bind.port > 0 && bind.port < 1024
    return new Failure({
      ...common,
      kind: 'forward-address-taken',
      message: `${settings.hostName} cannot listen on ${address}.`,
      advice:
        bind.kind === 'unix'
          ? 'Its directory must exist and be writable there. A socket file left by an old session goes with "StreamLocalBindUnlink yes" in sshd_config.'
          : privileged
            ? 'Ports below 1024 need root there, or net.ipv4.ip_unprivileged_port_start. Something may also hold the port.'
            : 'Something holds the port there, perhaps an old session: "ClientAliveInterval 15" and "ClientAliveCountMax 3" in sshd_config free it sooner. Or choose another port.',
      canHeal: true,
    })
  },

  /** The program that ssh_config names as the way to the server ended. */
  proxyCommand(settings: SshSettings, said: string): Failure {
    return new Failure({
      kind: 'proxy-command-failed',
      hop: 'TCP',
      message: `The ProxyCommand for ${settings.hostName} ended.`,
      said,
      advice: `Run it by hand to see why: ${settings.proxyCommand ?? ''}`,
      remedies: [{ do: 'show log' }, { do: 'retry' }],
      canHeal: true,
    })
  },

  /** The jump host let us in, but not further. */
  jumpRefused(jump: SshSettings, target: string, said: string): Failure {
    return new Failure({
      kind: 'jump-refused',
      hop: 'TCP',
      message: `The jump host ${jump.hostName} did not connect to ${target}.`,
      said,
      advice:
        'Check that it can reach that address, and that its sshd_config has AllowTcpForwarding yes (or local).',
      remedies: [{ do: 'retry' }, { do: 'show log' }],
      canHeal: true,
    })
  },

  jumpUnreadable(settings: SshSettings, jump: string): Failure {
    return new Failure({
      kind: 'jump-host-unreadable',
      hop: 'settings',
      message: `ProxyJump of ${settings.destination} names "${jump}", which is not a destination.`,
      advice: 'Write user@host:port in ssh_config.',
      canHeal: false,
    })
  },

  jumpsInCircles(settings: SshSettings): Failure {
    return new Failure({
      kind: 'jump-hosts-in-circles',
      hop: 'settings',
      message: `ssh_config leads to ${settings.destination} through jump hosts without end.`,
      advice: 'Look for a ProxyJump that leads back to itself; "ProxyJump none" for the jump host ends it.',
      canHeal: false,
    })
  },

  lost(settings: SshSettings, cause: unknown): Failure {
    return new Failure({
      kind: 'connection-lost',
      hop: 'connection',
      message: `The connection to ${settings.hostName} was lost.`,
      ...(messageOf(cause) === '' ? {} : { said: messageOf(cause) }),
      advice: 'It comes back by itself when the server can be reached.',
      remedies: [{ do: 'retry' }],
      canHeal: true,
      cause,
    })
  },
}

/** True for the disconnect that sshd sends past MaxAuthTries. */
export function isTooManyTries(error: unknown): boolean {
  return /too many authentication failures/i.test(messageOf(error))
}

/** ssh2 marks the errors of a single agent key so; they are not the end of the attempt. */
export function isFatal(error: unknown): boolean {
  return levelOf(error) !== 'agent'
}

export function isAuthenticationError(error: unknown): boolean {
  return levelOf(error) === 'client-authentication'
}

function levelOf(error: unknown): string | undefined {
  return field(error, 'level')
}

function codeOf(error: unknown): string | undefined {
  return field(error, 'code')
}

function field(error: unknown, name: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const value = (error as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : undefined
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : typeof error === 'string' ? error : ''
}
