import { quoted } from '../../base/shellWord'

/**
 * Makes a directory for sockets that the user makes and the proxy's group opens: the group is handed down to each
 * socket. Those below /run are made again at each start by tmpfiles.d(5).
 */
export function socketDirectoryLines(directory: string, owner: string, group: string): string[] {
  const install = `sudo install -d -m 2750 -o ${word(owner)} -g ${word(group)} ${word(directory)}`
  if (!/^\/(var\/)?run\//.test(directory)) return [install]
  const line = `d ${directory} 2750 ${owner} ${group} -`
  return [install, `echo ${quoted(line)} | sudo tee /etc/tmpfiles.d/expose.conf`]
}

export const reloadSshd: readonly string[] = [
  'sudo sshd -t && { sudo systemctl reload ssh || sudo systemctl reload sshd; }',
]
export const reloadNginx: readonly string[] = ['sudo nginx -t && sudo systemctl reload nginx']

/** A restart, because a reload needs the administration port, which may be off. */
export function reloadCaddy(configFile: string): readonly string[] {
  return [
    `sudo caddy validate --adapter caddyfile --config ${word(configFile)} && sudo systemctl restart caddy`,
  ]
}

/** Ports from this one on may then be listened on by every user of the server (ip(7)). */
export function unprivilegedPortLines(port: number): string[] {
  return [
    `echo 'net.ipv4.ip_unprivileged_port_start=${port}' | sudo tee /etc/sysctl.d/50-expose.conf`,
    'sudo sysctl --system',
  ]
}

/** As it is where a shell takes it for one word. */
function word(text: string): string {
  return /^[\w./@:+-]+$/.test(text) ? text : quoted(text)
}
