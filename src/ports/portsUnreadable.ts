import { Failure } from '../base/failure'

/** The OS did not tell what listens here. `message` says which way was tried. */
export function portsUnreadable(message: string, cause: unknown): Failure {
  return new Failure({
    kind: 'ports-unreadable',
    hop: 'local app',
    message: `Cannot list the listening ports: ${message}`,
    ...(cause instanceof Error && { said: cause.message }),
    advice: 'Enter the port by hand; exposing it works without the list.',
    remedies: [{ do: 'show log' }],
    canHeal: true,
    cause,
  })
}
