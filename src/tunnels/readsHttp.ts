import type { PublicWay } from '../servers/profile'
import type { LocalApp } from './localApp'

/** Whether requests are read on this machine; otherwise bytes are only passed on. */
export function readsHttp(
  way: Pick<PublicWay, 'tls' | 'publicUrl'>,
  app: Pick<LocalApp, 'protocol'>,
): boolean {
  // What visitors say in TLS to the app is not read here.
  const isUntouched = way.tls === 'app' || (way.tls === 'none' && !way.publicUrl.startsWith('http:'))
  return !isUntouched && app.protocol !== 'tcp'
}
