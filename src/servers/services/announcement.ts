import type { Disposable } from '../../base/disposable'
import { Emitter } from '../../base/event'
import type { ServiceAdapter } from './adapters'
import type { Heard, Reason } from './heard'
import { tunnelUrl, type UrlRules } from './tunnelUrl'

/** What a service has said so far of one tunnel. */
export class Announcement implements Disposable {
  private readonly didChange = new Emitter<void>()
  /** Of the tunnel, at the service's own domain. */
  publicUrl: string | undefined
  /** It announced this as the tunnel's, and it is nobody's to use. */
  foreignUrl: string | undefined
  /** Why it goes on, but not as asked. */
  note: Reason | undefined
  refusal: { readonly reason: Reason; readonly text: string } | undefined

  readonly onDidChange = this.didChange.event

  constructor(
    private readonly adapter: ServiceAdapter,
    private readonly rules: UrlRules,
  ) {}

  hear(line: string): void {
    const heard = this.adapter.read(line)
    if (heard !== undefined) this.take(heard)
  }

  take(heard: Heard): void {
    switch (heard.kind) {
      case 'url':
        this.takeUrl(heard.url)
        break
      case 'note':
        this.note = heard.reason
        break
      case 'refused':
        this.refusal = heard
        break
    }
    this.didChange.fire()
  }

  /** Resolves as soon as it holds. */
  async until(holds: () => boolean): Promise<void> {
    if (holds()) return
    await new Promise<void>((resolve) => {
      const listening = this.onDidChange(() => {
        if (!holds()) return
        listening.dispose()
        resolve()
      })
    })
  }

  dispose(): void {
    this.didChange.dispose()
  }

  /** Some name two that are alike: the first is kept. */
  private takeUrl(text: string): void {
    const url = tunnelUrl(text, this.rules)
    if (url === undefined) this.foreignUrl = text
    else if (this.publicUrl === undefined || this.adapter.renames) this.publicUrl = url
  }
}
