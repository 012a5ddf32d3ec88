import type { Duplex } from 'node:stream'

/** Joins two streams until both directions have ended; an error on one ends the other and nothing else. */
export function join(visitor: Duplex, local: Duplex): void {
  joinEnds(visitor, local)
  visitor.pipe(local)
  local.pipe(visitor)
}

/** The same for two streams between which somebody else carries the bytes. */
export function joinEnds(visitor: Duplex, local: Duplex): void {
  let visitorEnded = visitor.readableEnded
  let visitorFinished = false
  visitor.once('end', () => {
    visitorEnded = true
    if (visitorFinished) visitor.destroy()
  })
  visitor.once('finish', () => {
    visitorFinished = true
    // RFC 4254 5.3: closing before both sides sent EOF would cut off data still under way.
    if (visitorEnded) visitor.destroy()
  })
  visitor.once('error', () => local.destroy())
  visitor.once('close', () => {
    // Ended alone is not enough: a visitor that is dropped ends before the app has.
    if (visitorEnded && visitorFinished && local.readableEnded) return
    // What a whole request still has under way to the app arrives; nobody is left for the answer.
    if (visitorEnded && !local.writableFinished) local.once('finish', () => local.destroy())
    else local.destroy()
  })
  local.once('error', () => visitor.destroy())
  local.once('close', () => {
    if (!local.readableEnded) visitor.destroy()
  })
}
