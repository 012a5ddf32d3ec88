import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { lazy } from './lazy'

/**
 * Gives the memory of a buffer back at once, and leaves the buffer empty. V8 would wait for its next garbage collection:
 * at the speed of bulk it collects many times a second for that alone. Call it when no write to the system needs the
 * bytes any more. Memory of which the buffer is only a part is left alone.
 */
export function freeMemory({ buffer, byteLength }: Buffer): void {
  if (byteLength !== buffer.byteLength) return
  // What is transferred to a port whose other end is closed is gone (HTML, "message port post message steps").
  closedPort().postMessage(undefined, [buffer as ArrayBuffer])
}

const closedPort = lazy((): MessagePort => {
  const { port1, port2 } = new MessageChannel()
  port2.close()
  return port1
})
