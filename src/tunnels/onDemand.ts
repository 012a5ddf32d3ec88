/** What connects and carries visitors, in one file of its own: it is read when the first of it is needed. */
export { Connections } from '../ssh/connections'
export { TypedSecrets } from '../ssh/identities'
export { openTransport } from '../ssh/openTransport'
export { loadSsh2 } from '../ssh/ssh2Library'
export { PublicChecker } from './publicChecker'
export { Tunnel } from './tunnel'
