import type { SshOptions } from './sshConfig'

/**
 * What the configuration asks for and cannot be followed: `keyword value (the reason)`. `standard` holds what applies
 * where nothing is asked for.
 */
export function unsupportedOptions(options: SshOptions, standard: SshOptions | undefined): readonly string[] {
  return cannotFollow.flatMap(({ keyword, unless = [], why }) =>
    (options.get(keyword) ?? [])
      .filter((value) => !['none', ...unless].includes(value.toLowerCase()))
      .filter((value) => value !== standard?.get(keyword)?.[0])
      .map((value) => `${keyword} ${value} (${why})`),
  )
}

/**
 * Left out on purpose: what concerns shells, X11, agents to forward, local forwards and multiplexing, which a tunnel
 * does not have; looks (VisualHostKey, LogLevel); and what says no more than the default does.
 */
const cannotFollow: readonly {
  readonly keyword: string
  /** Values that ask for nothing, beside `none`. */
  readonly unless?: readonly string[]
  readonly why: string
}[] = [
  { keyword: 'certificatefile', why: 'ssh2 cannot show a user certificate; the plain key is tried' },
  { keyword: 'pkcs11provider', why: 'keys of a PKCS#11 token are used through an agent only' },
  {
    keyword: 'securitykeyprovider',
    unless: ['internal', '$ssh_sk_provider'],
    why: 'ssh2 cannot use FIDO keys',
  },
  {
    keyword: 'pubkeyacceptedalgorithms',
    why: 'ssh2 chooses the signature of each key; RSA signs with SHA-2',
  },
  { keyword: 'preferredauthentications', why: 'keys come first, then questions, then a password' },
  { keyword: 'pubkeyauthentication', unless: ['yes', 'true'], why: 'keys are tried all the same' },
  {
    keyword: 'passwordauthentication',
    unless: ['yes', 'true'],
    why: 'a password is asked for where the server wants one',
  },
  {
    keyword: 'kbdinteractiveauthentication',
    unless: ['yes', 'true'],
    why: 'questions of the server are passed on',
  },
  { keyword: 'batchmode', unless: ['no', 'false'], why: 'questions are asked in VS Code' },
  { keyword: 'compression', unless: ['no', 'false'], why: 'data is sent as it is, which is faster' },
  {
    keyword: 'rekeylimit',
    unless: ['0 0', 'default none', 'default', 'default 0'],
    why: 'ssh2 leaves new keys to the server',
  },
  { keyword: 'requiredrsasize', unless: ['1024'], why: 'the size of RSA keys is not checked' },
  { keyword: 'knownhostscommand', why: 'host keys are looked up in files only' },
  { keyword: 'verifyhostkeydns', unless: ['no', 'false'], why: 'DNS is not asked; you are' },
  { keyword: 'checkhostip', unless: ['no', 'false'], why: 'host keys are filed by name only' },
  {
    keyword: 'nohostauthenticationforlocalhost',
    unless: ['no', 'false'],
    why: 'the host key is checked there too',
  },
  { keyword: 'proxyusefdpass', unless: ['no', 'false'], why: 'a program cannot hand its socket over' },
  { keyword: 'permitlocalcommand', unless: ['no', 'false'], why: 'no command is run after connecting' },
  { keyword: 'bindaddress', why: 'the system chooses the address to connect from' },
  { keyword: 'bindinterface', why: 'the system chooses the interface to connect from' },
]
