import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Address } from '../../base/address'
import { Failure } from '../../base/failure'
import { dial } from '../../ssh/dial'
import type { RemoteForward } from '../../ssh/remoteForwards'
import type { Transport } from '../../ssh/transport'
import type { Accept } from '../../base/visitor'
import { bounded, type Bounds } from './bounded'
import type { Answer, ForwardEvidence, PortEvidence } from './evidence'

/** Asks sshd for forwards that lead nowhere and end at once, to learn which it permits. */
export class ForwardLook {
  constructor(
    private readonly transport: Transport,
    private readonly bounds: Bounds,
  ) {}

  async permitted(): Promise<ForwardEvidence> {
    const tcp = await this.ask({ kind: 'tcp', host: '127.0.0.1', port: 0 })
    // In a directory that is not there, so no file comes of it: only whether sshd tries is of interest.
    const nowhere = `/nonexistent-${randomBytes(8).toString('hex')}/look.sock`
    const sockets = await this.ask({ kind: 'unix', path: nowhere })
    return {
      tcp: { yes: 'yes', tried: 'yes', 'not this': 'limited', never: 'no', unknown: 'unknown' }[
        tcp
      ] as ForwardEvidence['tcp'],
      sockets: { yes: 'yes', tried: 'yes', 'not this': 'no', never: 'no', unknown: 'unknown' }[
        sockets
      ] as Answer,
    }
  }

  /** Whether sshd listens there for us; for a moment it does. */
  async canListen(bind: Address): Promise<Answer> {
    const said = await this.ask(bind)
    return said === 'unknown' ? 'unknown' : said === 'yes' ? 'yes' : 'no'
  }

  /**
   * Whether a socket can be made in a directory. The file is removed by SFTP, so without SFTP nothing is tried.
   */
  async canMakeSocket(directory: string): Promise<Answer> {
    const path = `${directory}/.look-${randomBytes(8).toString('hex')}.sock`
    const answer = await bounded(this.bounds, limitMs, async () => {
      const sftp = await this.transport.openSftp()
      try {
        const said = await this.ask({ kind: 'unix', path })
        if (said === 'yes') await sftp.remove(path)
        return said === 'yes' ? 'yes' : 'no'
      } finally {
        sftp.close()
      }
    })
    return answer ?? 'unknown'
  }

  /** Listens on every address for a moment and calls it from here; nobody who comes reaches anything. */
  async reach(port: number, address: string | undefined): Promise<PortEvidence> {
    const nonce = randomBytes(16).toString('hex')
    const accept: Accept = ({ stream }) => stream.on('error', () => undefined).end(nonce)
    const forward = await this.listen({ kind: 'tcp', host: '0.0.0.0', port }, accept)
    if (typeof forward === 'string') {
      return { port, canBind: forward === 'unknown' ? 'unknown' : 'no', isReached: 'unknown' }
    }
    try {
      const isReached =
        address === undefined ? 'unknown' : (await this.hears(nonce, address, port)) ? 'yes' : 'no'
      return { port, canBind: 'yes', isReached }
    } finally {
      await forward.cancel()
    }
  }

  private async hears(nonce: string, host: string, port: number): Promise<boolean> {
    const heard = await bounded(this.bounds, limitMs, async (signal) => {
      const socket = await dial({ host, port }, { signal, onHop: () => undefined })
      signal.addEventListener('abort', () => socket.destroy(), { once: true })
      const chunks: Buffer[] = []
      socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined)
      await once(socket, 'end', { signal })
      socket.destroy()
      return Buffer.concat(chunks).toString()
    })
    return heard === nonce
  }

  private async ask(bind: Address): Promise<Said> {
    const forward = await this.listen(bind, ({ stream }) => stream.destroy())
    if (typeof forward === 'string') return forward
    await forward.cancel()
    return 'yes'
  }

  private async listen(bind: Address, accept: Accept): Promise<RemoteForward | Exclude<Said, 'yes'>> {
    const answer = await bounded(this.bounds, limitMs, async (signal) => {
      try {
        const forward = await this.transport.forward(bind, accept)
        if (!signal.aborted) return forward
        await forward.cancel()
        return 'unknown'
      } catch (error) {
        return said(error)
      }
    })
    return answer ?? 'unknown'
  }
}

const limitMs = 6000

/** What sshd said: it listens, it tried in vain, not there, not at all. */
type Said = 'yes' | 'tried' | 'not this' | 'never' | 'unknown'

function said(error: unknown): Exclude<Said, 'yes'> {
  switch (error instanceof Failure ? error.kind : '') {
    case 'forwarding-disabled':
    case 'unix-sockets-unsupported':
      return 'never'
    case 'forward-not-permitted':
      return 'not this'
    case 'forward-address-taken':
      return 'tried'
    default:
      return 'unknown'
  }
}
