import { formatAddress } from '../../base/address'
import type { Bind } from '../profile'
import { escapeDots, namePattern, portPattern, publicHostOf, type PublicHost, type Way } from './publicHost'

export interface NginxPlace {
  readonly certificate: { readonly cert: string; readonly key: string }
  /**
   * As `listen` has it: `443`, `[::]:443`, `192.0.2.1:443`. Where another block names an address, a block without one
   * hears nothing of its visitors.
   */
  readonly listen: readonly string[]
}

/**
 * A whole server block for a profile whose HTTPS ends at nginx, for a file that `http` includes. WebSocket, live
 * events and uploads of any size come through, and a name without a tunnel is answered in plain words.
 */
export function nginxServer(way: Way, { certificate, listen }: NginxPlace): string[] {
  const host = publicHostOf(way.publicUrl)
  return [
    ...nginxMap,
    'server {',
    ...listen.map((address) => `    listen ${address} ssl http2;`),
    `    server_name ${serverName(host, way.bind)};`,
    `    ssl_certificate ${certificate.cert};`,
    `    ssl_certificate_key ${certificate.key};`,
    '    location / {',
    `        proxy_pass http://${upstream(host, way.bind)};`,
    ...nginxSettings.map((line) => `        ${line}`),
    '        error_page 502 503 504 = @no_tunnel;',
    '    }',
    '    location @no_tunnel {',
    '        default_type text/plain;',
    '        return 502 "Nothing is exposed here now.\\n";',
    '    }',
    '}',
  ]
}

/** Beside the server blocks, for `nginxSettings`. nginx takes it several times, so long as it says the same. */
export const nginxMap: readonly string[] = [
  'map $http_upgrade $expose_connection { default upgrade; "" ""; }',
]

/** What a location with proxy_pass needs so that every app works behind it. */
export const nginxSettings: readonly string[] = [
  'proxy_http_version 1.1;',
  'proxy_set_header Host $http_host;',
  'proxy_set_header Upgrade $http_upgrade;',
  'proxy_set_header Connection $expose_connection;',
  'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
  'proxy_set_header X-Forwarded-Host $http_host;',
  'proxy_set_header X-Forwarded-Proto $scheme;',
  'proxy_buffering off;',
  'proxy_request_buffering off;',
  'client_max_body_size 0;',
  'proxy_read_timeout 1h;',
  'proxy_send_timeout 1h;',
]

/** In quotes for the braces of the expression. */
function serverName({ host, before, after, varies }: PublicHost, bind: Bind): string {
  if (varies === undefined) return host
  const part =
    varies === 'name'
      ? `(?<expose_name>${namePattern})`
      : `(?<expose_port>${bind.kind === 'tcp' ? portPattern(bind.firstPort, bind.lastPort) : ''})`
  return `"~^${escapeDots(before)}${part}${escapeDots(after)}$"`
}

function upstream({ varies }: PublicHost, bind: Bind): string {
  if (bind.kind === 'unix') return `unix:${bind.path.replaceAll('{name}', '$expose_name')}`
  if (varies === 'port') return `${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:$expose_port`
  return formatAddress({ kind: 'tcp', host: bind.host, port: bind.firstPort })
}
