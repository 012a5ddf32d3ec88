import { Writable } from 'node:stream'
import type { HttpResponse } from './exchange'

/** Where an answer goes that nobody waits for. */
export class UnseenResponse implements HttpResponse {
  private readonly out = new Writable({ write: (_piece, _encoding, done) => done() })
  hasBegun = false

  inform(): void {
    // Nobody listens.
  }

  begin(): Writable {
    this.hasBegun = true
    return this.out
  }

  end(): void {
    this.out.end()
  }

  abort(): void {
    this.out.destroy()
  }

  onGone(): void {
    // Who is not there does not leave.
  }
}
