import { Uri, env } from 'vscode'
import { Emitter } from '../base/event'
import type { Tunnel } from '../tunnels/tunnel'

/** Copies and opens public URLs, and says so when one was copied. */
export class UrlClipboard {
  private readonly didCopy = new Emitter<void>()
  readonly onDidCopy = this.didCopy.event

  async copy(tunnel: Tunnel): Promise<void> {
    if (tunnel.publicUrl === undefined) return
    await env.clipboard.writeText(tunnel.publicUrl)
    this.didCopy.fire()
  }

  async open(tunnel: Tunnel): Promise<void> {
    if (tunnel.publicUrl !== undefined) await env.openExternal(Uri.parse(tunnel.publicUrl, true))
  }
}
