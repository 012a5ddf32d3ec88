import { knownProgram } from './knownPrograms'
import type { ListeningPort } from './listeningPort'

/** Why exposing a port deserves a sharper question. */
export interface PortRisk {
  /** Reads after "This is", such as "a PostgreSQL database". */
  readonly what: string
  /** Reads after "Whoever knows the URL can", such as "run any code on this machine". */
  readonly consequence: string
}

/** The risk of exposing what listens there; undefined for an ordinary app. */
export function riskOf(listening: Pick<ListeningPort, 'port' | 'process'>): PortRisk | undefined {
  const program = knownProgram(listening)
  return program?.consequence === undefined
    ? undefined
    : { what: program.what, consequence: program.consequence }
}
