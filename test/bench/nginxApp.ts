import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scope } from '../support/scope'
import { findTool } from '../support/tools'

/** Starts an HTTP app that costs as little as one can: nginx with a fixed answer of about 100 bytes. */
export async function startNginxApp(scope: Scope, port: number): Promise<void> {
  const directory = scope.tempDir('bench-nginx')
  const path = (name: string) => join(directory, name)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${path(kind)};`)
    .join('\n')
  writeFileSync(
    path('nginx.conf'),
    `
daemon off;
pid ${path('nginx.pid')};
error_log ${path('error.log')} warn;
worker_processes 1;
worker_rlimit_nofile 10000;
events { worker_connections 8000; multi_accept on; }
http {
${temporary}
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    default_type text/plain;
    location / { return 200 "${'An answer as small as many an API gives. '.repeat(3).slice(0, 100)}"; }
  }
}
`,
  )
  await scope.spawn(findTool('nginx'), ['-p', directory, '-c', path('nginx.conf'), '-e', path('error.log')], {
    ready: () => existsSync(path('nginx.pid')),
  })
}
