import { MessageChannel } from 'node:worker_threads'

const { port1, port2 } = new MessageChannel()
port2.close()
port1.unref()

export function freeNow(memory: Buffer): void {
  port1.postMessage(undefined, [memory.buffer as ArrayBuffer])
}
