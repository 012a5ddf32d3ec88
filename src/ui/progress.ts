import { ProgressLocation, window } from 'vscode'
import { Cancelled } from '../base/failure'
import { plainText } from './plainText'

/** Work that is shown as a notification with a button to cancel it; `say` shows what it is at. */
export async function inProgress<T>(
  title: string,
  work: (say: (message: string) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return window.withProgress(
    { location: ProgressLocation.Notification, cancellable: true, title: plainText(title) },
    async (progress, token) => {
      const abort = new AbortController()
      const onCancel = token.onCancellationRequested(() => abort.abort(new Cancelled()))
      try {
        return await work((message) => progress.report({ message: plainText(message) }), abort.signal)
      } finally {
        onCancel.dispose()
      }
    },
  )
}
