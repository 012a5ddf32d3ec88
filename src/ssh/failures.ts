import { formatAddress, formatHostPort, type Address } from '../base/address'
import { Failure, type Hop } from '../base/failure'
import type { HostKeyDecision } from './hostKey'
import { fingerprint, type PublicKey } from './publicKey'
import type { SshSettings } from './settings'

/**
 * Every failure of the SSH room, each with its remedy. This is the only file that looks at the message texts of
 * ssh2, Node and sshd; it is long because it is a list.
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
      advice:
        oldServerAdvice(error) ??
        'Check that an SSH server listens on that port; the log has the whole exchange.',
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
          message: `The host key of ${server} is not known, and ${settings.strictHostKeyChecking === 'yes' ? 'StrictHostKeyChecking is yes' : 'UserKnownHostsFile is none'}. Nothing was sent to it.`,
          said: `It shows ${shown}.`,
          advice: `Connect once with ssh, or add its key to ${settings.userKnownHostsFiles[0] ?? 'known_hosts'}.`,
        })
    }
  },

  /** ssh, too, trusts no host when it cannot tell which keys are revoked. */
  revokedKeysUnreadable(settings: SshSettings, reason: Error): Failure {
    const file = settings.revokedHostKeys ?? ''
    return new Failure({
      kind: 'revoked-keys-unreadable',
      hop: 'host key',
      message: `Which host keys are revoked cannot be told, so ${settings.hostName} is not trusted. Nothing was sent to it.`,
      said: `${file}: ${reason.message}`,
      advice: 'Correct RevokedHostKeys in ssh_config: it must name a file with a public key on each line.',
      remedies: [{ do: 'open file', path: file }, { do: 'retry' }],
      canHeal: false,
    })
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
    facts: {
      tried: readonly string[]
      methodsLeft: readonly string[]
      tooMany: boolean
      /** About keys that could not be used. */
      advice?: ReadonlySet<string>
    },
  ): Failure {
    const tried =
      facts.tried.length > 0 ? facts.tried.join(', ') : 'nothing: no key file or agent key was found'
    const general = facts.tooMany
      ? 'Name the right key: "identityFile" in the server’s settings, or IdentityFile with IdentitiesOnly in ssh_config.'
      : 'Check the user name, and that the public key stands in ~/.ssh/authorized_keys there.'
    return new Failure({
      kind: facts.tooMany ? 'too-many-authentication-tries' : 'authentication-refused',
      hop: 'authentication',
      message: `${settings.user}@${settings.hostName} did not let you in. Tried: ${tried}.`,
      ...(facts.methodsLeft.length > 0 ? { said: `It accepts: ${facts.methodsLeft.join(', ')}.` } : {}),
      advice: [general, ...(facts.advice ?? [])].join(' '),
      remedies: [{ do: 'open settings' }, { do: 'show log' }],
      canHeal: false,
    })
  },

  /** SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252 8). */
  passwordExpired(settings: SshSettings, said: string): Failure {
    return new Failure({
      kind: 'password-expired',
      hop: 'authentication',
      message: `${settings.hostName} wants ${settings.user} to choose a new password first.`,
      ...(said === '' ? {} : { said }),
      advice: `Log in once with "ssh ${settings.user}@${settings.hostName}" and change it there.`,
      remedies: [{ do: 'retry' }, { do: 'show log' }],
      canHeal: false,
    })
  },

  /** Keyboard-interactive has no end of its own (RFC 4256 3.2). */
  asksWithoutEnd(destination: string): Failure {
    return new Failure({
      kind: 'server-asks-without-end',
      hop: 'authentication',
      message: `${destination} asked one question after another and did not let you in.`,
      advice: 'Try with ssh: the server may want something that cannot be answered here.',
      remedies: [{ do: 'retry' }, { do: 'show log' }],
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

  /** What kept a remote forward from being asked for or answered, other than sshd's refusal; else undefined. */
  forwardUnanswered(error: unknown, settings: SshSettings): Failure | undefined {
    const said = messageOf(error)
    // ssh2's words where it lost the connection, and where it does not try since this is not OpenSSH.
    if (/^(not connected|no response from server)/i.test(said)) return failures.lost(settings, error)
    if (!said.startsWith('strictVendor')) return undefined
    return new Failure({
      kind: 'unix-sockets-unsupported',
      hop: 'remote forward',
      message: `The SSH server of ${settings.hostName} is not OpenSSH, and cannot listen on unix sockets.`,
      advice: 'Use a TCP address in "bind", such as 127.0.0.1:8080.',
      remedies: [{ do: 'open settings' }],
      canHeal: false,
      cause: error,
    })
  },

  /** Something else stands where the socket should, or answers on it. */
  socketPathTaken(
    path: string,
    taker: 'another file' | 'another user' | 'another listener',
    settings: SshSettings,
  ): Failure {
    const messages = {
      'another file': `${path} on ${settings.hostName} is there already, and is not a socket.`,
      'another user': `${path} on ${settings.hostName} is the socket of another user.`,
      'another listener': `Something else listens on ${path} on ${settings.hostName}; it was left alone.`,
    }
    return new Failure({
      kind: 'socket-path-taken',
      hop: 'remote forward',
      message: messages[taker],
      advice:
        taker === 'another listener'
          ? 'Another window or an old connection of yours may have it: stop that one, or expose under another name.'
          : 'Remove it there, or choose another directory in "bind".',
      remedies: [{ do: 'retry' }, { do: 'show log' }],
      canHeal: true,
    })
  },

  /** A question of the server was closed while nobody was waiting for a new tunnel. */
  questionClosed(): Failure {
    return new Failure({
      kind: 'question-closed',
      hop: 'authentication',
      message: 'The connection was lost, and you closed a question that logging in again takes.',
      advice: 'Try again, and answer it.',
      remedies: [{ do: 'retry' }],
      canHeal: false,
    })
  },

  /** Whatever was thrown, as a failure. */
  from(error: unknown): Failure {
    if (error instanceof Failure) return error
    return new Failure({
      kind: 'unexpected-error',
      hop: 'connection',
      message: 'Something went wrong that this program does not know.',
      said: messageOf(error) || String(error),
      advice: 'The log has more; please report it.',
      remedies: [{ do: 'show log' }, { do: 'retry' }],
      canHeal: true,
      cause: error,
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

  /** ssh will not go on with this configuration, and neither do we: what is left out of it may be what protects. */
  configRefused(said: string, file: string, { canHeal = false } = {}): Failure {
    return new Failure({
      kind: 'ssh-config-refused',
      hop: 'settings',
      message: 'Your ssh_config cannot be used.',
      said,
      advice: 'Correct what is named there, until "ssh -G" with the name of the server prints its options.',
      remedies: [{ do: 'open file', path: file }, { do: 'retry' }],
      canHeal,
    })
  },

  /** ssh_config restricts a list to algorithms of which there is none here. */
  algorithmsMissing(settings: SshSettings, keyword: string): Failure {
    return new Failure({
      kind: 'algorithms-missing',
      hop: 'settings',
      message: `ssh_config allows ${settings.hostName} only ${keyword} that are not available here.`,
      said: settings.unsupported.filter((option) => option.startsWith(keyword)).join(', '),
      advice: `Add another one to ${keyword} for this host.`,
      canHeal: false,
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

/** Where the server has nothing of what is offered: what makes us offer more. */
function oldServerAdvice(error: unknown): string | undefined {
  const what = /no matching (?:[CS]->[CS] )?(key exchange|host key|cipher|MAC)/.exec(messageOf(error))?.[1]
  const line = {
    'key exchange': 'KexAlgorithms +diffie-hellman-group14-sha1',
    'host key': 'HostKeyAlgorithms +ssh-rsa',
    cipher: 'Ciphers +aes256-cbc',
    MAC: 'MACs hmac-sha1',
  }[what ?? '']
  return (
    line &&
    `It may offer only what is no longer safe. If you trust it all the same, ssh_config can ask for that: "${line}".`
  )
}

/** True for the disconnect that sshd sends past MaxAuthTries. */
export function isTooManyTries(error: unknown): boolean {
  return /too many authentication failures/i.test(messageOf(error))
}

/**
 * True for sshd's text (SSH_MSG_DEBUG) about a key that runs a command of its own (sshd(8), command=): that one
 * would run in place of ours, and nobody may have meant it to.
 */
export function saysForcedCommand(serverMessage: string): boolean {
  return /\bkey options:.*\bcommand\b/.test(serverMessage)
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
