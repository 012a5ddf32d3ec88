import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'

export type NetworkEvent = 'woke from sleep' | 'network changed'

type Interfaces = Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'internal'>[] | undefined>

/**
 * Notices that this machine slept, or that its addresses are others than before. Node has an event for neither,
 * so it looks every few seconds, and only while somebody holds it.
 */
export class NetworkWatch {
  private readonly didChange = new Emitter<NetworkEvent>()
  private holders = 0
  private timer: Disposable = toDisposable(() => undefined)
  private addresses = ''

  readonly onDidChange = this.didChange.event

  constructor(
    private readonly options: {
      readonly clock: Clock
      /** os.networkInterfaces unless given. */
      readonly interfaces?: () => Interfaces
    },
  ) {}

  /** Keeps it looking until disposed. */
  hold(): Disposable {
    if (this.holders++ === 0) {
      this.addresses = this.read()
      this.lookLater()
    }
    let released = false
    return toDisposable(() => {
      if (released) return
      released = true
      if (--this.holders === 0) this.timer.dispose()
    })
  }

  private lookLater(): void {
    const { clock } = this.options
    const due = clock.now() + everyMs
    this.timer = clock.after(everyMs, () => {
      const late = clock.now() - due
      const addresses = this.read()
      const changed = addresses !== this.addresses
      this.addresses = addresses
      this.lookLater()
      // Timers stand still while the machine sleeps, and the time of day does not.
      if (late > sleptMs) this.didChange.fire('woke from sleep')
      else if (changed) this.didChange.fire('network changed')
    })
  }

  /** The addresses by which this machine can be reached; those of one link only (RFC 4291 2.5.6) come and go. */
  private read(): string {
    const interfaces = this.options.interfaces ?? networkInterfaces
    try {
      return Object.entries(interfaces())
        .flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ name, ...address })))
        .filter(({ address, internal }) => !internal && !/^fe[89ab]/i.test(address))
        .map(({ name, address }) => `${name} ${address}`)
        .sort()
        .join('\n')
    } catch {
      // libuv may be refused the list (uv_interface_addresses); then sleep is all that is noticed.
      return this.addresses
    }
  }
}

const everyMs = 3000
/** Longer than a busy event loop is late by. */
const sleptMs = 5000
