import { Failure } from '../base/failure'

/** That a server could not be written into the user's settings; `said` is why. */
export function settingsNotEditable(said: string, cause?: unknown): Failure {
  return new Failure({
    kind: 'settings-not-editable',
    hop: 'settings',
    message: 'The server could not be written into settings.json.',
    said,
    advice: 'Save or correct the file and try again; on disk it is as it was.',
    remedies: [{ do: 'open settings' }, { do: 'retry' }],
    canHeal: false,
    cause,
  })
}
