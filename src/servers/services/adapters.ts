import type { ServiceName } from '../profile'
import { readLocalhostRun, readNgrok, readPinggy, readServeo, readSish, type Heard } from './heard'

/**
 * One tunnel service as data: how it is reached and asked, where its URLs stand, and what a person should know. What
 * the services say was taken from their documentation, from sish's source, and from sessions people have published.
 */
export interface ServiceAdapter {
  readonly name: ServiceName
  /** For messages: `localhost.run`, `the sish server`. */
  readonly title: string
  /** Where its SSH server is; undefined where the user says. */
  readonly host?: string
  /** 22 unless given. */
  readonly port?: number
  /** Who logs in; as ssh_config says unless given. A user that is a token is a secret. */
  readonly user: { readonly withoutKey?: string; readonly withKey?: string; readonly isToken?: true }
  /** It lets people in without an account, and may ask for a password all the same: any will do. */
  readonly takesAnyPassword: boolean
  /** What is asked of tcpip-forward (RFC 4254 7.1); just what the documented ssh command sends. */
  readonly bind: (wish: Wish) => { readonly host: string; readonly port: number }
  /** The session it prints to; a terminal is never asked for. */
  readonly session: 'shell' | { readonly exec: string }
  /**
   * ssh sends the request to listen first and opens the session right behind it. sish answers that request only
   * once it has a session to print to.
   */
  readonly sessionFirst: boolean
  /** What one line of the session says; undefined for what does not matter. */
  readonly read: (line: string) => Heard | undefined
  /** An address it can be asked for the URLs at, through the connection (direct-tcpip): `{"urls": […]}`. */
  readonly urlsAt?: { readonly host: string; readonly port: number; readonly path: string }
  /** Public URLs stand below these. None: below the domain of the profile only. */
  readonly domains: readonly string[]
  /** The first labels of what stands below them and is no tunnel: consoles, documentation. */
  readonly notTunnels: readonly string[]
  readonly naming: Naming
  /** It gives a standing tunnel another URL at times, and says so. Of others the first URL counts. */
  readonly renames: boolean
  /** What a person should know of this tunnel besides its URL. */
  readonly limits: (facts: LimitFacts) => readonly string[]
  /** What to do when it does not let us in. */
  readonly loginAdvice: string
  /** What to do when it refuses the tunnel. */
  readonly refusalAdvice: string
}

export interface Wish {
  /** The tunnel's name, a DNS label. */
  readonly name: string
  /** A domain the user has there. */
  readonly domain: string | undefined
}

export type Naming =
  /** It gives the name that is asked for, if it can. */
  | { readonly kind: 'asked'; readonly condition?: string }
  /** It chooses; `instead` is what the user can do about it. */
  | { readonly kind: 'chosen'; readonly instead: string }

export interface LimitFacts {
  readonly publicUrl: string
  /** Who logged in. */
  readonly user: string
}

/** What `ssh -R PORT:…` sends as the bind address when none is given (channels.c, channel_rfwd_bind_host). */
const noName = 'localhost'

const sishAdapter = {
  user: {},
  takesAnyPassword: false,
  bind: ({ name }) => ({ host: name, port: 80 }),
  session: 'shell',
  sessionFirst: true,
  read: readSish,
  notTunnels: ['www', 'docs'],
  naming: { kind: 'asked' },
  renames: false,
  limits: () => [],
} as const satisfies Partial<ServiceAdapter>

/** https://docs.ssi.sh and its source; the project’s own instance is tuns.sh, by pico.sh. */
const sish: ServiceAdapter = {
  ...sishAdapter,
  name: 'sish',
  title: 'the sish server',
  domains: [],
  loginAdvice: 'Whoever runs the server has to add your public key there; name its file in "identityFile".',
  refusalAdvice: 'Choose another name for this port, or ask whoever runs the server.',
}

/** https://pico.sh/tuns: URLs are https://USER-NAME.tuns.sh, or below a region such as nue.tuns.sh. */
const tuns: ServiceAdapter = {
  ...sishAdapter,
  name: 'tuns.sh',
  title: 'tuns.sh',
  host: 'tuns.sh',
  bind: ({ name, domain }) => ({ host: domain ?? name, port: 80 }),
  domains: ['tuns.sh'],
  loginAdvice:
    'tuns.sh is for members of pico.sh: "ssh pico.sh" makes an account from your key. Log in with that key ("identityFile").',
  refusalAdvice: 'Choose another name for this port, or look at https://pico.sh/tuns.',
}

/** https://localhost.run/docs/cli and /docs/forever-free. */
const localhostRun: ServiceAdapter = {
  name: 'localhost.run',
  title: 'localhost.run',
  host: 'localhost.run',
  user: { withoutKey: 'nokey' },
  takesAnyPassword: false,
  bind: ({ domain }) => ({ host: domain ?? noName, port: 80 }),
  session: { exec: '--output json' },
  sessionFirst: false,
  read: readLocalhostRun,
  domains: ['lhr.life', 'lhr.rocks', 'localhost.run'],
  notTunnels: ['admin', 'cd', 'docs', 'ssh', 'www'],
  naming: {
    kind: 'chosen',
    instead: 'a name of your own takes a subscription there, and "domain" in its settings',
  },
  renames: true,
  limits: ({ user }) =>
    user === 'nokey'
      ? [
          'Free names at localhost.run change after a few hours; with an account and your key they last longer.',
        ]
      : [],
  loginAdvice:
    'Without an account it takes "nokey@localhost.run" and no key. With one, add your public key at https://admin.localhost.run.',
  refusalAdvice: 'Check the domain at https://admin.localhost.run, and its TXT record "_lhr".',
}

/** https://serveo.net. */
const serveo: ServiceAdapter = {
  name: 'serveo',
  title: 'serveo.net',
  host: 'serveo.net',
  user: {},
  takesAnyPassword: false,
  bind: ({ name, domain }) => ({ host: domain ?? name, port: 80 }),
  session: 'shell',
  sessionFirst: false,
  read: readServeo,
  domains: ['serveousercontent.com', 'serveo.net'],
  notTunnels: ['console', 'docs', 'www'],
  naming: {
    kind: 'asked',
    condition: 'it gives names to registered keys only: https://console.serveo.net/ssh/keys',
  },
  renames: false,
  limits: () => ['Without a paid account serveo.net shows people a warning page before yours.'],
  loginAdvice: 'It lets anybody in who has an SSH key: "ssh-keygen -t ed25519" makes one.',
  refusalAdvice:
    'Another tunnel may have the name: choose another for this port. Keys are registered at https://console.serveo.net/ssh/keys.',
}

/** https://pinggy.io/docs/usages and /docs/api/web_debugger_api. */
const pinggy: ServiceAdapter = {
  name: 'pinggy',
  title: 'pinggy.io',
  host: 'free.pinggy.io',
  port: 443,
  // A token would stand here, so nothing that could be taken for one: the keyword of the usual kind of tunnel.
  user: { withoutKey: 'http', withKey: 'http', isToken: true },
  takesAnyPassword: true,
  bind: () => ({ host: noName, port: 0 }),
  session: 'shell',
  sessionFirst: false,
  read: readPinggy,
  urlsAt: { host: 'localhost', port: 4300, path: '/urls' },
  domains: ['pinggy.link', 'pinggy-free.link', 'pinggy.net', 'pinggy.online'],
  notTunnels: ['api', 'dashboard', 'docs', 'www'],
  naming: {
    kind: 'chosen',
    instead: 'a paid token keeps its name: "ssh": "TOKEN@pro.pinggy.io"',
  },
  renames: false,
  limits: ({ publicUrl }) =>
    /(^|\.)(free\.pinggy\.(net|link)|pinggy-free\.link)$/.test(new URL(publicUrl).hostname)
      ? ['Free tunnels at pinggy.io end after 60 minutes; the next one has another URL.']
      : [],
  loginAdvice: 'Check the token in "ssh": "TOKEN@pro.pinggy.io", or leave "ssh" out for a free tunnel.',
  refusalAdvice:
    'Another tunnel may use the same token: stop it, or write "TOKEN+force@pro.pinggy.io" in "ssh".',
}

/** https://ngrok.com/docs/agent/ssh-reverse-tunnel-agent; the domains as in ngrok’s Kubernetes operator. */
const ngrok: ServiceAdapter = {
  name: 'ngrok',
  title: 'ngrok',
  host: 'connect.ngrok-agent.com',
  user: { withoutKey: 'v2', withKey: 'v2' },
  takesAnyPassword: false,
  bind: ({ domain }) => ({ host: domain ?? noName, port: 443 }),
  session: { exec: 'http' },
  sessionFirst: false,
  read: readNgrok,
  domains: [
    ...['ngrok.app', 'ngrok.dev', 'ngrok.io', 'ngrok.pizza'],
    ...['ngrok-free.app', 'ngrok-free.dev', 'ngrok-free.pizza'],
  ],
  notTunnels: [],
  naming: {
    kind: 'chosen',
    instead: 'reserve a domain at https://dashboard.ngrok.com/domains and name it in "domain"',
  },
  renames: false,
  limits: ({ publicUrl }) =>
    /\.ngrok-free\.[a-z]+$/.test(new URL(publicUrl).hostname)
      ? ['On its free plan ngrok shows people with a browser a warning page before yours.']
      : [],
  loginAdvice:
    'Register your public key at https://dashboard.ngrok.com/ssh-keys, and name its file in "identityFile".',
  refusalAdvice: 'What it says stands in the log; https://ngrok.com/docs/errors explains each number.',
}

const adapters: Readonly<Record<ServiceName, ServiceAdapter>> = {
  sish,
  'tuns.sh': tuns,
  'localhost.run': localhostRun,
  serveo,
  pinggy,
  ngrok,
}

export function adapterOf(service: ServiceName): ServiceAdapter {
  return adapters[service]
}
