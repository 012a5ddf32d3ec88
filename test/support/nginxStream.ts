import { existsSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from './freePort'
import type { Scope } from './scope'
import { findTool } from './tools'

/**
 * Starts a private nginx on loopback that passes TLS through by name, undecrypted: `NAME.baseDomain` goes to
 * `socketDirectory/NAME.sock`, with a PROXY protocol header (v1, the one it has) before the visitor's bytes.
 */
export async function startNginxStream(
  scope: Scope,
  options: { baseDomain: string; socketDirectory: string },
): Promise<{ port: number }> {
  const directory = scope.tempDir('nginx-stream')
  const port = await freePort()
  const path = (name: string) => join(directory, name)
  const base = options.baseDomain.replaceAll('.', '\\.')
  writeFileSync(
    path('nginx.conf'),
    `
load_module ${findTool('nginx stream')};
daemon off;
${process.getuid?.() === 0 ? `user ${userInfo().username};` : ''}
pid ${path('nginx.pid')};
error_log ${path('error.log')} notice;
worker_processes 1;
events {}
stream {
  map $ssl_preread_server_name $expose_socket {
    "~^(?<expose_name>[a-z0-9][a-z0-9-]{0,62})\\.${base}$" unix:${options.socketDirectory}/$expose_name.sock;
  }
  server {
    listen 127.0.0.1:${port};
    ssl_preread on;
    proxy_protocol on;
    proxy_pass $expose_socket;
  }
}
`,
  )
  const args = ['-p', directory, '-c', path('nginx.conf'), '-e', path('error.log')]
  await scope.spawn(findTool('nginx'), args, { ready: () => existsSync(path('nginx.pid')) })
  return { port }
}
