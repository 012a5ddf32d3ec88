import { commands, window } from 'vscode'
import { Failure } from '../base/failure'
import type { Log } from '../base/log'
import { titleOf } from '../servers/visibility'
import type { Tunnel } from '../tunnels/tunnel'
import type { TunnelRequest, Tunnels } from '../tunnels/tunnels'
import { commandIds } from './commandIds'
import { hopText } from './hopText'
import { timeText } from './accessText'
import { formatLocalTarget } from './localTarget'
import type { PortAccess } from './portAccess'
import { plainText } from './plainText'
import { inProgress } from './progress'
import { settings } from './settings'
import { showFailure } from './showFailure'
import type { UrlClipboard } from './urlClipboard'

/**
 * Opens a tunnel, with a notification that names the hop it is at and can cancel it.
 * @throws Failure, or Cancelled; nothing is open then.
 */
export function openInProgress(tunnels: Tunnels, request: TunnelRequest): Promise<Tunnel> {
  const { app, server, name } = request
  const { id } = server.profile
  const title = titleOf(server.profile)
  return inProgress(`Exposing port ${formatLocalTarget(app)}`, async (say, signal) => {
    const onChange = tunnels.onDidChange((all) => {
      const tunnel = all.find(
        (one) =>
          one.app.host === app.host &&
          one.app.port === app.port &&
          one.name === name &&
          one.server.profile.id === id,
      )
      if (tunnel?.state.kind === 'connecting') say(hopText(tunnel.state.hop, title))
      if (tunnel?.state.kind === 'open') say(hopText('public URL', title))
    })
    try {
      return await tunnels.open({ ...request, signal })
    } finally {
      onChange.dispose()
    }
  })
}

/** Says that a port is public, and what to know of it. The URL is copied only once it has been seen to lead here. */
export async function announce(
  tunnel: Tunnel,
  {
    clipboard,
    access,
    log,
  }: { readonly clipboard: UrlClipboard; readonly access: PortAccess; readonly log: Log },
): Promise<void> {
  const { state, title, gate } = tunnel
  const remarks = state.kind === 'open' ? state.remarks : []
  if (state.kind === 'open' && state.check instanceof Failure) {
    void showFailure(state.check, log, 'warning').then((retry) => {
      if (retry) tunnel.retryNow()
    })
    if (remarks.length > 0) void window.showInformationMessage(plainText(remarks.join(' ')))
    return
  }
  const copied = settings.copyUrl()
  if (copied) await clipboard.copy(tunnel)
  const { password, closesAt } = gate.access ?? {}
  const sentences = [
    `Port ${formatLocalTarget(tunnel.app)} is public at ${title}${copied || remarks.length > 0 ? '.' : ''}`,
    ...(copied ? ['The URL is on the clipboard.'] : []),
    ...(password === undefined ? [] : ['Visitors are asked for the password.']),
    ...(closesAt === undefined ? [] : [`It closes at ${timeText(closesAt, Date.now())}.`]),
    ...remarks,
  ]
  const show = 'Show Requests'
  const copyPassword = 'Copy Password'
  const setUp = 'Set Up Webhook'
  const buttons = ['Open', 'Copy', ...(password === undefined ? [] : [copyPassword]), show, setUp]
  void window.showInformationMessage(plainText(sentences.join(' ')), ...buttons).then((chosen) => {
    if (chosen === 'Open') void clipboard.open(tunnel)
    if (chosen === 'Copy') void clipboard.copy(tunnel)
    if (chosen === copyPassword) void access.copyPassword(tunnel)
    if (chosen === show) void commands.executeCommand(commandIds.showRequests, tunnel.id)
    if (chosen === setUp) void commands.executeCommand(commandIds.setUpWebhook, tunnel.id)
  })
}
