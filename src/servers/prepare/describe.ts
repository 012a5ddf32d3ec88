import { installArguments, readDomain, readGatewayKey, type GatewayRequest } from './request'

/** What preparing a server means, in words for the person who decides: one sentence a line. */
export function describePreparation(request: GatewayRequest, destination: string): string[] {
  const domain = readDomain(request.domain) ?? request.domain
  const keys = request.publicKeys.map((text) => readGatewayKey(text)?.fingerprint ?? 'an unreadable key')
  return [
    `${destination} becomes a gateway: a tunnel named NAME is public at https://NAME.${domain}.`,
    'Caddy is installed from the packages of the server, takes the ports 80 and 443, and gets a certificate for a name ' +
      'when a tunnel is open under it.',
    ...(keys.length === 0
      ? []
      : [
          `A new user "expose" may open tunnels with ${keys.join(', ')}, and nothing else: no commands, no files, no ` +
            'other forwards.',
        ]),
    'sshd reads its settings again without ending a connection; for other users they stay as they are.',
    'Each new configuration is checked before it is used. When anything fails, everything is taken back.',
    'It can be undone at any time: then the server is as it was before.',
  ]
}

/** The DNS records that the domain needs, as a person enters them; `address` is the server's. */
export function dnsRecords(domain: string, address: string): string[] {
  const type = address.includes(':') ? 'AAAA' : 'A'
  return [`*.${readDomain(domain) ?? domain}. ${type} ${address}`]
}

/** The line to run on the server by hand instead, from the folder where the script lies. */
export function commandByHand(request: GatewayRequest): string {
  const words = installArguments(request).map((word) =>
    /^[\w.:/@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  )
  return `sudo sh prepare-gateway.sh install ${words.join(' ')}`
}
