import { window } from 'vscode'
import { Failure } from '../base/failure'
import type { ExposurePrompts } from '../servers/listen'

/** Asks before a tunnel becomes more public than was wanted, or takes somebody's place. */
export const exposurePrompts: ExposurePrompts = {
  async becamePublic({ address, server }) {
    const proceed = 'Expose Anyway'
    const keep = 'Keep It Private'
    const answer = await window.showWarningMessage(
      `${server} was asked to listen on ${address}, and listens on every address.`,
      {
        modal: true,
        detail:
          'Its sshd_config has "GatewayPorts yes": besides the public URL, anyone could reach the app at that port without HTTPS. "GatewayPorts clientspecified" ends that.',
      },
      // The first button is what Enter presses.
      keep,
      proceed,
    )
    return answer === proceed
  },

  async takeOver({ address, publicUrl, holder }) {
    const proceed = 'Take It Over'
    const leave = 'Leave It'
    const change = 'Change Name…'
    const inUse = `${publicUrl} is in use by ${holder ?? 'somebody: another window or machine of yours, or a lost connection that the server still holds'}.`
    const answer = await window.showWarningMessage(
      inUse,
      { modal: true, detail: `Its visitors would come here instead (${address} on the server).` },
      leave,
      change,
      proceed,
    )
    if (answer === change) throw anotherName(inUse)
    return answer === proceed
  },
}

/** Ends the opening; whoever began it asks for another name, without a further question. */
function anotherName(inUse: string): Failure {
  return new Failure({
    kind: anotherNameWanted,
    hop: 'remote forward',
    message: inUse,
    advice: 'Give this port another name.',
    remedies: [{ do: 'change name' }],
    canHeal: false,
  })
}

export const anotherNameWanted = 'another-name-wanted'
