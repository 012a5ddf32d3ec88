import type { AuthenticationType, Connection as Guest, ServerChannel, TcpipRequestInfo } from 'ssh2'
import type { ServiceName } from '../../src/servers/profile'
import type { Answer, ServiceFaults, ServiceTunnel, TunnelService } from './tunnelService'

/** How one service differs from the others. */
export interface ServiceScript {
  /** New tunnels stand below it. */
  readonly domain: string
  /** What it says before the login (RFC 4252 5.4). */
  readonly banner?: string
  /** The authentication methods it takes from this user. */
  readonly methods: (service: TunnelService, user: string) => AuthenticationType[]
  readonly takesKnownKeysOnly: boolean
  /** What a session may be asked for. */
  readonly sessions: readonly string[]
  /** To what it does not serve it gives no answer at all. */
  readonly ignores: boolean
  readonly isBrokenBySecondSession: boolean
  /** Printed when a session opens. */
  readonly greeting?: string
  readonly forward: (
    service: TunnelService,
    wanted: Omit<ServiceTunnel, 'hostName'>,
    answer: { accept: Answer; reject: () => void },
  ) => void
  readonly onSession?: (service: TunnelService, guest: Guest, channel: ServerChannel) => void
  readonly announcement: (tunnel: ServiceTunnel, faults: ServiceFaults) => string
  /** What a visitor's channel says of the visitor. */
  readonly originOf: (tunnel: ServiceTunnel) => { address: string; port: number }
  readonly direct?: (
    service: TunnelService,
    guest: Guest,
    info: TcpipRequestInfo,
    answer: { accept: () => ServerChannel; reject: () => void },
  ) => true | undefined
}

const esc = (code: number, text: string) => `\x1b[${code}m${text}\x1b[0m`
const visitorOrigin: ServiceScript['originOf'] = () => ({ address: '203.0.113.7', port: 50_000 })

/** A QR code as terminals draw it: many characters of three bytes. */
const qrCode = Array.from(
  { length: 12 },
  (_, row) => `${'█▀▄ ▌'.repeat(5)}${row % 2 === 0 ? '█' : '▐'}`,
).join('\r\n')

/** What sish does for a guest as soon as there is a session. */
const waiting = new WeakMap<Guest, () => void>()

/**
 * sish: the request to listen waits for a session; what there is to say is said before and after the answer; visitors'
 * channels name the address asked for as their origin too.
 */
function sish(domain: string, hostNameOf: (name: string, user: string) => string): ServiceScript {
  return {
    domain,
    methods: () => ['publickey'],
    takesKnownKeysOnly: true,
    sessions: ['shell'],
    ignores: true,
    isBrokenBySecondSession: true,
    greeting: `${esc(41, 'Press Ctrl-C to close the session.')}\r\n\r\n`,
    forward: (service, wanted, { accept, reject }) => {
      const go = () => {
        const channel = service.channels.get(wanted.guest)
        let hostName = hostNameOf(wanted.bind.host.toLowerCase(), wanted.user)
        const { nameTaken } = service.faults
        if (nameTaken !== undefined) {
          const extra = nameTaken === 'another' ? ' Assigning a random subdomain.' : ''
          if (channel)
            service.print(channel, `The subdomain ${esc(31, hostName)} is unavailable.${extra}\r\n`)
          if (nameTaken === 'none') {
            reject()
            return
          }
          hostName = randomName(domain)
        }
        const tunnel: ServiceTunnel = { ...wanted, hostName }
        service.tunnels.add(tunnel)
        accept()
        service.announce(tunnel)
      }
      if (service.channels.has(wanted.guest)) go()
      else waiting.set(wanted.guest, go)
    },
    onSession: (_service, guest) => {
      waiting.get(guest)?.()
      waiting.delete(guest)
    },
    announcement: ({ hostName }) =>
      `Starting SSH Forwarding service for ${esc(32, 'http:80')}. Forwarded connections can be accessed via the following methods:\r\n` +
      `Service console can be accessed here: https://${hostName}/_sish/console?x-authorization=CONSOLE-TOKEN\r\n` +
      `${esc(44, 'HTTP')}: http://${hostName}\r\n${esc(44, 'HTTPS')}: https://${hostName}\r\n\r\n`,
    originOf: ({ bind }) => ({ address: bind.host, port: bind.port }),
  }
}

const localhostRun: ServiceScript = {
  domain: 'lhr.life',
  banner: [
    '',
    '='.repeat(79),
    'Welcome to localhost.run!',
    '',
    'Follow your favourite reverse tunnel at [https://twitter.com/localhost_run].',
    '',
    'To set up and manage custom domains go to https://admin.localhost.run/',
    '',
    'To explore using localhost.run visit the documentation site:',
    'https://localhost.run/docs/',
    '='.repeat(79),
    '',
    '** your connection id is 61516456-2da3-4b57-b3cb-b7f41fe51fea, please mention it if you send me a message about an issue. **',
    '',
  ].join('\r\n'),
  methods: (_service, user) => (user === 'nokey' ? ['none'] : ['publickey']),
  takesKnownKeysOnly: false,
  sessions: ['shell', 'exec'],
  ignores: false,
  isBrokenBySecondSession: false,
  forward: (service, wanted, { accept, reject }) => {
    const { refuses } = service.faults
    if (refuses !== undefined) {
      reject()
      const channel = service.channels.get(wanted.guest)
      if (channel) service.print(channel, refusedEvent(refuses, service.faults))
      return
    }
    const isOwn = wanted.bind.host !== 'localhost'
    const tunnel: ServiceTunnel = { ...wanted, hostName: isOwn ? wanted.bind.host : randomName('lhr.life') }
    service.tunnels.add(tunnel)
    accept()
    service.announce(tunnel)
  },
  onSession: (service, _guest, channel) => {
    const { refuses, format } = service.faults
    if (refuses !== undefined) {
      service.print(channel, refusedEvent(refuses, service.faults))
      return
    }
    const message = 'authenticated as anonymous user\n'
    const event = { connection_id: '1.2.3.4:5', event: 'authn', message }
    service.print(channel, format === 'text' ? `${message}\r\n` : `${JSON.stringify(event)}\r\n`)
  },
  announcement: ({ hostName, bind }, { format = 'event' }) => {
    const text = `${hostName} tunneled with tls termination, https://${hostName}\r\ncreate an account and add your key for a longer lasting domain name. see https://localhost.run/docs/forever-free/ for more information.\r\nOpen your tunnel address on your mobile with this QR:\r\n\r\n${qrCode}\r\n`
    if (format === 'text') return text
    const event =
      format === 'event'
        ? {
            address: hostName,
            authz_code: 'OK',
            connection_id: '1.2.3.4:5',
            event: 'tcpip-forward',
            listen_host: bind.host,
            listen_port: bind.port,
            message: text,
          }
        : {
            specversion: '1.0',
            id: `${bind.host}/${hostName}`,
            source: 'ssh://localhost.run/',
            type: 'v1.tcpip_forward.register.accepted',
            data: text,
          }
    return `${JSON.stringify(event)}\r\n`
  },
  originOf: visitorOrigin,
}

function refusedEvent(text: string, { format = 'event' }: ServiceFaults): string {
  return format === 'cloud event'
    ? `${JSON.stringify({ specversion: '1.0', type: 'v1.tcpip_forward.register.rejected', id: 'x', data: `${text}\r\nmore` })}\r\n`
    : `${JSON.stringify({ event: 'tcpip-forward', authz_code: 'DENIED', message: `${text}\nmore` })}\r\n`
}

const serveo: ServiceScript = {
  domain: 'serveousercontent.com',
  methods: () => ['publickey', 'keyboard-interactive'],
  takesKnownKeysOnly: false,
  sessions: ['shell'],
  ignores: false,
  isBrokenBySecondSession: false,
  forward: (service, wanted, { accept, reject }) => {
    const { faults } = service
    const { host } = wanted.bind
    if (faults.nameTaken === 'none' && host !== 'localhost') return reject()
    const isKnown = service.knownKeys.length > 0
    // An unknown key is refused the name, and gets another all the same; older servers gave none.
    if (host !== 'localhost' && !isKnown && faults.refuses !== undefined) return reject()
    const hostName =
      host === 'localhost' || !isKnown
        ? `${randomName('x').slice(0, 12)}-203-0-113-7.serveousercontent.com`
        : `${host}.serveousercontent.com`
    const tunnel: ServiceTunnel = { ...wanted, hostName }
    service.tunnels.add(tunnel)
    accept()
    service.announce(tunnel)
  },
  onSession: (service, _guest, channel) => {
    const wantsName = service.asked.some((what) => /^tcpip-forward (?!localhost)/.test(what))
    if (wantsName && service.knownKeys.length === 0) service.print(channel, registerText)
  },
  announcement: ({ hostName }) =>
    `${esc(32, `Forwarding HTTP traffic from https://${hostName}`)}\r\n` +
    'Tip (1): Create an account to reserve names. Pro removes the warning page: https://console.serveo.net/settings?n=1&src=ssh_nudge&v=B\r\n',
  originOf: visitorOrigin,
}

const registerText = [
  'To request a particular subdomain, you first need to register your SSH public key.',
  'To register, visit one the addresses below to login with your Google or GitHub account.',
  'https://console.serveo.net/ssh/keys?add=SHA256%3AWJDlq1hG3f%2Fv%2BZRbuQWBSPpnXLOtdFl7tHSjKDeCNFU',
  '',
].join('\r\n')

const pinggy: ServiceScript = {
  domain: 'run.pinggy-free.link',
  methods: (service) => (service.faults.asksPassword === true ? ['password'] : ['none', 'password']),
  takesKnownKeysOnly: false,
  sessions: ['shell'],
  ignores: false,
  isBrokenBySecondSession: false,
  forward: (service, wanted, { accept }) => {
    const port = wanted.bind.port === 0 ? 9 : wanted.bind.port
    const hostName = randomName('run.pinggy-free.link').replace('.', '-203-0-113-7.')
    const tunnel: ServiceTunnel = { ...wanted, bind: { host: wanted.bind.host, port }, hostName }
    service.tunnels.add(tunnel)
    accept(port)
    service.announce(tunnel)
  },
  announcement: ({ hostName }) =>
    [
      '\x1b[2J\x1b[H',
      '                                   You are not authenticated.',
      'Your tunnel will expire in 60 minutes. Upgrade to Pinggy Pro to get unrestricted tunnels. https://dashboard.pinggy.io',
      '',
      `   http://${hostName}`,
      `   ${esc(36, `https://${hostName}`)}`,
      `   https://${alias(hostName)}`,
      '',
    ].join('\r\n'),
  originOf: visitorOrigin,
  direct: (service, guest, { destIP, destPort }, { accept }) => {
    if (destIP !== 'localhost' || destPort !== 4300 || service.faults.noUrlList === true) return undefined
    const tunnel = [...service.tunnels].find((each) => each.guest === guest)
    const names = tunnel === undefined ? [] : [tunnel.hostName, alias(tunnel.hostName)]
    const urls =
      service.faults.saysNoUrl === true ? [] : names.flatMap((name) => [`http://${name}`, `https://${name}`])
    const body = JSON.stringify({ urls })
    const channel = accept()
    channel.on('error', () => undefined)
    channel.once('data', () =>
      channel.end(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      ),
    )
    return true
  },
}

function alias(hostName: string): string {
  return hostName.replace('run.pinggy-free.link', 'free.pinggy.net')
}

const ngrok: ServiceScript = {
  domain: 'ngrok-free.app',
  methods: () => ['publickey'],
  takesKnownKeysOnly: true,
  sessions: ['exec'],
  ignores: false,
  isBrokenBySecondSession: false,
  forward: (service, wanted, { accept, reject }) => {
    if (service.faults.refuses !== undefined) return reject()
    const isOwn = wanted.bind.host !== 'localhost'
    const tunnel: ServiceTunnel = {
      ...wanted,
      hostName: isOwn ? wanted.bind.host : randomName('ngrok-free.app'),
    }
    service.tunnels.add(tunnel)
    accept()
    service.announce(tunnel)
  },
  onSession: (service, _guest, channel) => {
    const { refuses } = service.faults
    if (refuses === undefined) return
    service.print(channel, `${esc(31, 'ERROR:')} failed to start tunnel.\r\n${refuses}\r\n`)
    channel.exit(1)
    channel.end()
  },
  announcement: ({ hostName }) =>
    `\r\nngrok (via SSH) (Ctrl+C to quit)\r\n\r\nAccount     Demo McDemoname (Plan: Free)\r\nRegion      us\r\nForwarding  https://${hostName}\r\n`,
  originOf: visitorOrigin,
}

/** A first label that nobody asked for. */
export function randomName(domain: string): string {
  return `${Math.random().toString(16).slice(2, 14).padEnd(12, '0')}.${domain}`
}

export const serviceScripts: Readonly<Record<ServiceName, ServiceScript>> = {
  sish: sish('my.sish.test', (name) => `${name}.my.sish.test`),
  'tuns.sh': sish('tuns.sh', (name, user) => `${user}-${name}.tuns.sh`),
  'localhost.run': localhostRun,
  serveo,
  pinggy,
  ngrok,
}
