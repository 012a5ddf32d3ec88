import type { ProxyRoute } from './evidence'
import { readHostPattern } from './names'
import { argsOf, blocksOf, portsOf } from './nginxBlocks'
import type { Directive } from './nginxConfig'
import { variedHostAndBind } from './targets'

/**
 * Where nginx passes TLS through by name, undecrypted: a server of `stream` with `ssl_preread`, whose `proxy_pass`
 * is a map from `$ssl_preread_server_name` (ngx_stream_ssl_preread_module).
 */
export function passedThroughRoutes(config: readonly Directive[]): ProxyRoute[] {
  const stream = blocksOf(config, 'stream').flat()
  return blocksOf(stream, 'server')
    .filter((server) => argsOf([...server, ...stream], 'ssl_preread')[0] === 'on')
    .flatMap((server) => {
      const [target = ''] = argsOf(server, 'proxy_pass')
      const httpsPort = portsOf(server)[0]
      if (httpsPort === undefined) return []
      const proxyProtocol = argsOf([...server, ...stream], 'proxy_protocol')[0] === 'on'
      return mapOf(stream, target).flatMap(([name, to]) => {
        const pattern = name.startsWith('~') ? readHostPattern(name.replace(/^~\*?/, '')) : undefined
        const found = pattern && variedHostAndBind(pattern, to)
        if (!found) return []
        return [{ ...common, ...found, httpsPort, proxyProtocol }]
      })
    })
}

const common = { proxy: 'nginx', tls: 'here', issuesOnDemand: false, passesEverything: true } as const

/** What `map $ssl_preread_server_name $target` says. */
function mapOf(stream: readonly Directive[], target: string): [string, string][] {
  const map = stream.find(
    ({ name, args }) => name === 'map' && args[0] === '$ssl_preread_server_name' && args[1] === target,
  )
  return (map?.block ?? []).map(({ name, args }) => [name, args[0] ?? ''])
}
