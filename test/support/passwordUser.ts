import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findTool } from './tools'

export interface PasswordUser {
  readonly name: string
  readonly password: string
  /** How sshd may ask for it; 'password' unless given. Keyboard-interactive goes through PAM. */
  readonly ask?: 'password' | 'keyboard-interactive' | 'both'
  /** The root directory unless given. */
  readonly home?: string
  /** Lines of PAM's auth stack; the password alone unless given. */
  readonly pamAuth?: readonly string[]
}

const pamAuth = ['auth required pam_unix.so nodelay']
const pamRest = ['account required pam_permit.so', 'session required pam_permit.so']

/** The lines of sshd_config that let this user log in. */
export function passwordConfig({ ask = 'password' }: PasswordUser): string[] {
  return [
    `UsePAM ${yesNo(ask !== 'password')}`,
    `KbdInteractiveAuthentication ${yesNo(ask !== 'password')}`,
    `PasswordAuthentication ${yesNo(ask !== 'keyboard-interactive')}`,
  ]
}

/**
 * Turns a command into one that runs with this user in its own /etc/passwd, /etc/shadow and PAM service:
 * files of `directory`, bound over the real ones in a mount namespace, so that nothing on the machine changes.
 *
 * Root's user gets a user id of its own. An ordinary user has no other id to give, so there the new name
 * means the same user; a second user namespace inside the first gives sshd this id back.
 */
export async function withPasswordUser(
  directory: string,
  user: PasswordUser,
  command: readonly string[],
): Promise<{ command: string; args: string[] }> {
  if (process.platform !== 'linux') throw new Error('a password login to a private sshd needs Linux')
  const isRoot = process.getuid?.() === 0
  const unshare = findTool('unshare')
  await writeAccounts(directory, user, isRoot)
  const bind = join(directory, 'bind.sh')
  writeFileSync(bind, bindScript(directory))

  if (isRoot) return { command: unshare, args: ['--mount', 'sh', bind, ...command] }
  await assertNamespaces(unshare)
  const ids = [`--map-user=${process.getuid?.()}`, `--map-group=${process.getgid?.()}`]
  return {
    command: unshare,
    args: ['--map-root-user', '--mount', 'sh', bind, unshare, '--user', ...ids, ...command],
  }
}

async function writeAccounts(directory: string, user: PasswordUser, isRoot: boolean): Promise<void> {
  const args = ['passwd', '-6', user.password]
  const { stdout: hash } = await promisify(execFile)(findTool('openssl'), args)
  const uid = isRoot ? 64_999 : process.getuid?.()
  const gid = isRoot ? 64_999 : process.getgid?.()
  // The first entry for a user id names it.
  const passwd = `${user.name}:x:${uid}:${gid}::${user.home ?? '/'}:/bin/sh\n${readFileSync('/etc/passwd', 'utf8')}`
  const others = isRoot ? readFileSync('/etc/shadow', 'utf8') : ''
  writeFileSync(join(directory, 'passwd'), passwd)
  writeFileSync(join(directory, 'shadow'), `${user.name}:${hash.trim()}:19000:0:99999:7:::\n${others}`, {
    mode: 0o600,
  })
  writeFileSync(join(directory, 'pam'), [...(user.pamAuth ?? pamAuth), ...pamRest, ''].join('\n'))
}

function bindScript(directory: string): string {
  return [
    'set -e',
    `mount --bind '${directory}/passwd' /etc/passwd`,
    `mount --bind '${directory}/shadow' /etc/shadow`,
    `mount --bind '${directory}/pam' /etc/pam.d/sshd`,
    'exec "$@"',
  ].join('\n')
}

async function assertNamespaces(unshare: string): Promise<void> {
  try {
    await promisify(execFile)(unshare, ['--map-root-user', '--mount', 'true'])
  } catch (error) {
    throw new Error(
      'a password login to a private sshd needs root, or user namespaces open to everyone ' +
        '(sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu)',
      { cause: error },
    )
  }
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no'
}
