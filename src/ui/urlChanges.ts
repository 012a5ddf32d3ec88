import { window } from 'vscode'
import type { Disposable } from '../base/disposable'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import type { UrlClipboard } from './urlClipboard'

/** Says so when the public URL of an open tunnel becomes another one: what was registered with it no longer works. */
export function tellUrlChanges(tunnels: Tunnels, clipboard: UrlClipboard): Disposable {
  const known = new WeakMap<Tunnel, string>()
  return tunnels.onDidChange((all) => {
    for (const tunnel of all) {
      const { publicUrl, state } = tunnel
      if (publicUrl === undefined || state.kind !== 'open') continue
      const former = known.get(tunnel)
      known.set(tunnel, publicUrl)
      if (former === undefined || former === publicUrl) continue
      void window
        .showWarningMessage(
          `The public URL of port ${tunnel.app.port} has changed from ${former} to ${publicUrl}. Visitors of the former one no longer come here.`,
          'Copy the New One',
        )
        .then((chosen) => (chosen === undefined ? undefined : clipboard.copy(tunnel)))
    }
  })
}
