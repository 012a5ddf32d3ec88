import { Writable } from 'node:stream'
import type { HttpResponse } from './exchange'

/** Where an answer goes that nobody waits for. */
export class UnseenResponse implements HttpResponse {
  hasBegun = false

  inform(): void {
    // Nobody listens.
  }

  begin(): Writable {
    this.hasBegun = true
    return new Writable({ write: (_piece, _encoding, done) => done() })
  }

  end(): void {
    // Nor is anybody to be told.
  }

  abort(): void {
    // The same.
  }

  onGone(): void {
    // Who is not there does not leave.
  }
}
