import { parseHostPort } from '../../ssh/destination'
import type { Directive } from './nginxConfig'

/** The ports of a server block. Without `listen` it is 80 (ngx_http_core_module). */
export function portsOf(server: readonly Directive[]): number[] {
  return listens(server).map(({ port }) => port)
}

export function listens(server: readonly Directive[]): Listen[] {
  const isOn = argsOf(server, 'ssl')[0] === 'on'
  return server
    .filter(({ name }) => name === 'listen')
    .flatMap(({ args: [address = '', ...options] }) => {
      // Nor what nginx would not take for an address; it stands in lines to paste.
      if (!/^[\w.:*[\]-]+$/.test(address) || address.startsWith('unix:')) return []
      const port = /^\d+$/.test(address) ? Number(address) : (parseHostPort(address)?.port ?? 80)
      return [{ address, port, hasTls: isOn || options.includes('ssl') }]
    })
}

interface Listen {
  /** As written. */
  readonly address: string
  readonly port: number
  readonly hasTls: boolean
}

export function blocksOf(directives: readonly Directive[], name: string): (readonly Directive[])[] {
  return directives.filter((directive) => directive.name === name).map(({ block }) => block)
}

/** The arguments of a directive where it stands first; empty for none. */
export function argsOf(directives: readonly Directive[], name: string): readonly string[] {
  return directives.find((directive) => directive.name === name)?.args ?? []
}
