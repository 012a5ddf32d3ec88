import type { Provider, ProviderId } from './provider'
import { github } from './providers/github'
import { instagram } from './providers/instagram'
import { messenger } from './providers/messenger'
import { other } from './providers/other'
import { telegram } from './providers/telegram'
import { whatsapp } from './providers/whatsapp'

/** Every provider, in the order they are offered. A new one is a file of its own and its line here. */
export const providers: Readonly<Record<ProviderId, Provider>> = {
  messenger,
  instagram,
  whatsapp,
  telegram,
  github,
  other,
}
