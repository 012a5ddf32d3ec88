import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { stringOf } from '../../src/ssh/publicKey'
import type { Scope } from './scope'

const requestIdentities = 11
const identitiesAnswer = 12

/** Starts what listens where an SSH agent would, and answers its socket or pipe. */
export async function startFakeAgent(
  scope: Scope,
  onRequest: (message: Buffer, socket: Socket) => void,
): Promise<string> {
  const directory = scope.tempDir('agent')
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${directory}` : join(directory, 'agent.sock')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    // Ours writes each request at once.
    socket.on('data', (packet: Buffer) => onRequest(packet.subarray(4), socket))
  })
  await once(server.listen(path), 'listening')
  scope.add(async () => {
    for (const socket of sockets) socket.destroy()
    await once(server.close(), 'close')
  })
  return path
}

/** The whole answer to a request for the keys: each with its line of authorized_keys. */
export function keysAnswer(...publicKeys: readonly string[]): Buffer {
  const count = Buffer.alloc(5, identitiesAnswer)
  count.writeUInt32BE(publicKeys.length, 1)
  const keys = publicKeys.flatMap((line) => {
    const [, base64 = '', comment = ''] = line.split(' ')
    return [stringOf(Buffer.from(base64, 'base64')), stringOf(comment)]
  })
  return stringOf(Buffer.concat([count, ...keys]))
}

export function asksForKeys(message: Buffer): boolean {
  return message[0] === requestIdentities
}
