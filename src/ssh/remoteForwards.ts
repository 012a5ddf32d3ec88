import type { Client } from 'ssh2'
import { formatAddress, type Address } from '../base/address'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { failures } from './failures'
import type { AcceptedChannel, Arrival } from './forwardedChannels'
import type { SshSettings } from './settings'

/** An address on which the server listens for us. */
export interface RemoteForward {
  /** With the port the server chose where 0 was asked for. */
  readonly address: Address
  /** What the server remarked while it agreed (SSH_MSG_DEBUG): sshd says there that it listens elsewhere. */
  readonly serverMessages: readonly string[]
  /** Ends the listener and every visitor that came through it. Resolves when the server confirmed it, or is gone. */
  cancel(): Promise<void>
}

/** The remote forwards of one transport, and the way of each channel to its forward. */
export class RemoteForwards implements Disposable {
  private readonly open_ = new Map<string, OpenForward>()
  private queue: Promise<unknown> = Promise.resolve()
  private serverMessages: string[] = []

  constructor(
    private readonly client: Client,
    private readonly settings: SshSettings,
    private readonly log: Log,
  ) {}

  /** One request at a time: the server's texts in between then belong to that request. */
  open(bind: Address, accept: Accept): Promise<RemoteForward> {
    const result = this.queue.then(() => this.request(bind, accept))
    this.queue = result.catch(() => undefined)
    return result
  }

  serverSaid(text: string): void {
    this.log.debug(`server: ${text}`)
    this.serverMessages.push(text)
    if (this.serverMessages.length > 20) this.serverMessages.shift()
  }

  dispose(): void {
    for (const forward of this.open_.values()) forward.dropVisitors()
    this.open_.clear()
  }

  private get visitorCount(): number {
    let count = 0
    for (const forward of this.open_.values()) count += forward.visitorCount
    return count
  }

  private async request(bind: Address, accept: Accept): Promise<RemoteForward> {
    this.serverMessages = []
    const forward = new OpenForward(accept)
    // At once, not when the promise is seen: the first visitor may follow the answer in the same packet.
    const onListening = (address: Address) => this.open_.set(formatAddress(address), forward)
    const address = await this.listen(bind, onListening).catch((error: unknown) => {
      throw (
        failures.forwardUnanswered(error, this.settings) ??
        failures.forwardRefused(bind, this.serverMessages, this.settings)
      )
    })
    const key = formatAddress(address)
    const { serverMessages } = this
    this.log.info(`${this.settings.hostName} listens on ${key}`)
    return {
      address,
      serverMessages,
      cancel: async () => {
        if (this.open_.get(key) !== forward) return
        this.open_.delete(key)
        forward.dropVisitors()
        await this.unlisten(address)
        this.log.info(`${this.settings.hostName} no longer listens on ${key}`)
      },
    }
  }

  private listen(bind: Address, onListening: (address: Address) => void): Promise<Address> {
    return new Promise((resolve, reject) => {
      const listening = (address: Address) => {
        onListening(address)
        resolve(address)
      }
      if (bind.kind === 'unix') {
        this.client.openssh_forwardInStreamLocal(bind.path, (error) =>
          error ? reject(error) : listening(bind),
        )
      } else {
        this.client.forwardIn(bind.host, bind.port, (error, port) =>
          error ? reject(error) : listening({ ...bind, port }),
        )
      }
    })
  }

  /** A server that is gone listens no more either, so nothing here is an error. */
  private unlisten(address: Address): Promise<void> {
    return new Promise((resolve) => {
      try {
        if (address.kind === 'unix') this.client.openssh_unforwardInStreamLocal(address.path, () => resolve())
        else this.client.unforwardIn(address.host, address.port, () => resolve())
      } catch {
        resolve()
      }
    })
  }

  /** Leads somebody at one of the addresses to its forward. */
  route(arrival: Arrival): void {
    const { address, originator } = arrival
    const forward = this.open_.get(formatAddress(address))
    if (forward === undefined) return arrival.reject()
    if (this.visitorCount >= mostVisitors) {
      this.log.warn(
        `a visitor of ${formatAddress(address)} was turned away: ${mostVisitors} are there already`,
      )
      return arrival.reject()
    }
    forward.enter(arrival.accept(), originator)
  }
}

/** Of one connection. Each costs a socket to the app; a server must not be able to use up all this process may have. */
const mostVisitors = 2048

class OpenForward {
  private readonly channels = new Set<AcceptedChannel>()

  constructor(private readonly accept: Accept) {}

  get visitorCount(): number {
    return this.channels.size
  }

  enter(channel: AcceptedChannel, originator: Arrival['originator']): void {
    const { stream } = channel
    this.channels.add(channel)
    // Every visitor's stream ends in an error at some time; whoever reads it hears of it by 'close' too.
    stream.on('error', () => undefined)
    stream.once('close', () => this.channels.delete(channel))
    this.accept({ stream, originator })
  }

  dropVisitors(): void {
    for (const channel of [...this.channels]) channel.drop()
    this.channels.clear()
  }
}
