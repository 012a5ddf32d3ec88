import type { Duplex } from 'node:stream'

/**
 * Sends something soon after little has come and nothing went back. sshd before 10.1 leaves Nagle's algorithm (RFC 896)
 * on where no session was opened: its next small packet then waits until ours says that the last one came, and the
 * system alone says so only after 40 ms (RFC 1122 4.2.3.2).
 */
export function pumpAcks(
  stream: Duplex,
  { writes, ignore }: { readonly writes: { readonly count: number }; readonly ignore: () => void },
): void {
  let before = 0
  let isDue = false
  // Before ssh2 hears of it, which may answer at once.
  stream.prependListener('data', () => {
    before = writes.count
    if (isDue) return
    isDue = true
    setImmediate(() => {
      isDue = false
      if (writes.count === before && stream.writable) ignore()
    })
  })
}
