import type { Log } from '../../src/base/log'
import { systemClock } from '../../src/base/clock'
import { TypedSecrets } from '../../src/ssh/identities'
import { openTransport } from '../../src/ssh/openTransport'
import type { SshSettings } from '../../src/ssh/settings'
import type { Transport } from '../../src/ssh/transport'
import type { Scope } from './scope'
import { scriptedPrompts } from './scriptedPrompts'

/** Logs in as the settings say, asking nobody and through no jump host; the scope closes it. */
export async function logIn(scope: Scope, settings: SshSettings, log: Log): Promise<Transport> {
  const transport = await openTransport({
    settings,
    prompts: scriptedPrompts(),
    secrets: new TypedSecrets(),
    clock: systemClock,
    log,
    signal: new AbortController().signal,
    onHop: () => undefined,
    resolve: () => Promise.reject(new Error('there are no jump hosts here')),
  })
  scope.add(() => transport.dispose())
  return transport
}
