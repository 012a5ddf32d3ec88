import type { ListeningPort } from '../ports/listeningPort'
import { programName } from '../ports/programName'

/** Such as `vite · my-app`; empty when the process may not be read. */
export function processText(listening: ListeningPort | undefined): string {
  const running = listening?.process
  const folder = running?.folder === undefined ? undefined : lastPart(running.folder)
  return [running && programName(running), folder].filter((part) => part !== undefined).join(' · ')
}

/** `pid 4711 · /home/me/my-app · 127.0.0.1`. */
export function processDetail({ process: running, addresses }: ListeningPort): string {
  const parts = [running && `pid ${running.pid}`, running?.folder ?? running?.command, addresses.join(', ')]
  return parts.filter((part) => part !== undefined).join(' · ')
}

function lastPart(path: string): string {
  return (
    path
      .split(/[\\/]/)
      .filter((part) => part !== '')
      .at(-1) ?? path
  )
}
