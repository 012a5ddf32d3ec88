import type { ServerProfile } from '../servers/profile'
import { titleOf, whoCanRead } from '../servers/visibility'

/** Where something can be public, or be made so. */
export type Where =
  | { readonly kind: 'server'; readonly profile: ServerProfile }
  /** A name from ssh_config. */
  | { readonly kind: 'host'; readonly ssh: string }
  | { readonly kind: 'destination' }
  | { readonly kind: 'service' }
  | { readonly kind: 'this machine' }
  | { readonly kind: 'add' }

export interface WhereRow {
  readonly label: string
  readonly description?: string
  readonly detail?: string
  /** Rows of one group stand together, under its title. */
  readonly group: string
  readonly where: Where
}

/** Where to expose a port; with no server yet, what could be one, at once. */
export function rowsToExpose(profiles: readonly ServerProfile[], hosts: readonly string[]): WhereRow[] {
  return profiles.length === 0
    ? [...rowsToAdd(hosts), thisMachine]
    : [...profiles.map(serverRow), add, service, thisMachine]
}

/** What could become one more server. */
export function rowsToAdd(hosts: readonly string[]): WhereRow[] {
  return [...rowsToLogIn(hosts), service]
}

/** Where one can log in. */
export function rowsToLogIn(hosts: readonly string[]): WhereRow[] {
  return [...hosts.map(hostRow), destination]
}

function serverRow(profile: ServerProfile): WhereRow {
  return {
    label: `$(server) ${profile.id}`,
    description: titleOf(profile),
    detail: profile.kind === 'own' ? profile.publicUrl : whoCanRead(profile),
    group: 'your servers',
    where: { kind: 'server', profile },
  }
}

function hostRow(ssh: string): WhereRow {
  return { label: `$(server) ${ssh}`, group: '~/.ssh/config', where: { kind: 'host', ssh } }
}

const ownServer = 'Your own, with an SSH login. It is looked at, and what it can be used for is proposed.'

const destination: WhereRow = {
  label: '$(edit) Another server (user@host)…',
  detail: ownServer,
  group: '',
  where: { kind: 'destination' },
}

const add: WhereRow = {
  label: '$(add) Add a server…',
  detail: ownServer,
  group: '',
  where: { kind: 'add' },
}

const service: WhereRow = {
  label: '$(globe) A tunnel service, no account needed…',
  detail: 'localhost.run, pinggy, serveo and others. Whoever runs it can read the traffic.',
  group: '',
  where: { kind: 'service' },
}

const thisMachine: WhereRow = {
  label: '$(beaker) Try it on this machine only',
  detail: 'An HTTPS address that only this machine can reach; nothing becomes public.',
  group: '',
  where: { kind: 'this machine' },
}
