import { randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import type { Accept, Visitor } from '../base/visitor'

export const nonceHeader = 'x-expose-port-check'

/**
 * Lets a check of the public URL prove that it reached this very tunnel: while a nonce is expected, a visitor
 * whose first request carries it is answered here, and the app never sees it. Everyone else passes untouched.
 */
export class NonceStage {
  private readonly expected = new Set<string>()
  private readonly looking = new Set<() => void>()

  constructor(private readonly next: Accept) {}

  readonly accept: Accept = (visitor) => {
    if (this.expected.size === 0) this.next(visitor)
    else this.look(visitor)
  }

  /** Expects a fresh nonce until `done` is called. */
  expect(): { nonce: string; arrived: () => boolean; done: () => void } {
    const nonce = randomBytes(16).toString('hex')
    this.expected.add(nonce)
    return {
      nonce,
      arrived: () => !this.expected.has(nonce),
      done: () => {
        this.expected.delete(nonce)
        // Visitors that have not shown a whole head yet need not wait any longer.
        if (this.expected.size === 0) for (const letGo of [...this.looking]) letGo()
      },
    }
  }

  private look(visitor: Visitor): void {
    const { stream } = visitor
    let head = Buffer.alloc(0)
    const stop = () => {
      this.looking.delete(letGo)
      stream.off('readable', onReadable).off('end', letGo).off('close', stop)
    }
    const letGo = () => {
      stop()
      if (head.length > 0 && stream.readableEnded) {
        this.next({ ...visitor, stream: fromStart(head, stream) })
        return
      }
      if (head.length > 0) stream.unshift(head)
      this.next(visitor)
    }
    const onReadable = () => {
      for (let chunk = read(stream); chunk !== null; chunk = read(stream)) {
        head = Buffer.concat([head, chunk])
        const text = head.toString('latin1')
        const end = text.indexOf('\r\n\r\n')
        const nonce = end < 0 ? undefined : nonceIn(text.slice(0, end))
        if (nonce !== undefined && this.expected.delete(nonce)) {
          stop()
          answer(stream, nonce)
          return
        }
        if (end >= 0 || head.length > longestHead || !looksLikeHttp(text)) {
          letGo()
          return
        }
      }
    }
    this.looking.add(letGo)
    stream.on('readable', onReadable).once('end', letGo).once('close', stop)
  }
}

const longestHead = 16 * 1024

function read(stream: Duplex): Buffer | null {
  return stream.read() as Buffer | null
}

function looksLikeHttp(start: string): boolean {
  return /^[A-Z]{1,10}(?: |$)/.test(start)
}

function nonceIn(head: string): string | undefined {
  return new RegExp(`^${nonceHeader}:[ \\t]*([0-9a-f]{32})[ \\t]*$`, 'im').exec(head)?.[1]
}

/** A stream that has ended takes nothing back, so its head comes from a new one that writes to it. */
function fromStart(head: Buffer, ended: Duplex): Duplex {
  const again = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => void ended.write(chunk, done),
    final: (done) => void ended.end(done),
    destroy: (error, done) => {
      ended.destroy()
      done(error)
    },
  })
  again.push(head)
  again.push(null)
  ended.once('close', () => again.destroy())
  return again
}

function answer(stream: Duplex, nonce: string): void {
  stream.resume()
  stream.end(`HTTP/1.1 204 No Content\r\n${nonceHeader}: ${nonce}\r\nConnection: close\r\n\r\n`)
}
