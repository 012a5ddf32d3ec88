import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail, requestOf } from './request'

export interface IdleRequest {
  readonly port: number
  readonly visitors: number
}

/** Visitors who are there, and neither say nor read anything. */
void come(requestOf() as IdleRequest).catch(fail)

// A socket whose buffer is full keeps no process alive.
setInterval(() => undefined, 60_000)

/** Not all at once: sshd lets 128 wait (SSH_LISTEN_BACKLOG), and the kernel forgets the others for seconds. */
async function come({ port, visitors }: IdleRequest): Promise<void> {
  for (let left = visitors; left > 0; left -= 50) {
    const some = Array.from({ length: Math.min(left, 50) }, () => connect({ port, host: '127.0.0.1' }))
    await Promise.all(some.map((socket) => once(socket, 'connect')))
    await sleep(50)
  }
}
