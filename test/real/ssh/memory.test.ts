import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startOurs } from '../../bench/world'
import { freePort } from '../../support/freePort'
import { residentMegabytes } from '../../support/processMemory'
import { Scope } from '../../support/scope'
import { startSshd } from '../../support/sshd'
import { waitUntil } from '../../support/waitUntil'
import { loginTo } from '../../support/world'

const ours = ['--import=tsx', resolve(__dirname, '../../bench/processes/ours.ts')]
const chunk = Buffer.alloc(64 * 1024, 'expose port ')

/** What the process that holds the tunnel grows by, as /proc tells of it. */
describe('the memory of the process that holds a tunnel', () => {
  let scope: Scope

  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  for (const channels of ['own', 'ssh2'] as const) {
    it(`grows by less than 64 MB with 1,000 idle visitors, by channels of ${channels}`, async () => {
      const way = await open(channels, (socket) => socket.pipe(socket))
      const before = residentMegabytes(way.pid)
      // sshd lets 128 wait (SSH_LISTEN_BACKLOG).
      for (let left = 1000; left > 0; left -= 50) {
        const exchanges = Array.from({ length: 50 }, async () => {
          const visitor = way.visitor()
          visitor.write('hello')
          await once(visitor, 'data')
        })
        await Promise.all(exchanges)
      }
      await sleep(settlingMs)
      const grownMb = residentMegabytes(way.pid) - before
      assert.ok(grownMb < 64, `it grew by ${Math.round(grownMb)} MB`)
    })

    it(`grows by less than 32 MB with a visitor who reads nothing, by channels of ${channels}`, async () => {
      let sent = 0
      const way = await open(channels, (socket) => sendWithoutEnd(socket, (bytes) => (sent += bytes)))
      const before = residentMegabytes(way.pid)
      way.visitor().pause()
      await waitUntil('the app to send', () => sent > 0)
      await sleep(settlingMs)
      const grownMb = residentMegabytes(way.pid) - before
      assert.ok(grownMb < 32, `it grew by ${Math.round(grownMb)} MB while the app sent ${sent} bytes`)
    })

    it(`grows by less than 32 MB with an app that reads nothing, by channels of ${channels}`, async () => {
      let sent = 0
      const way = await open(channels, (socket) => socket.pause())
      const before = residentMegabytes(way.pid)
      sendWithoutEnd(way.visitor(), (bytes) => (sent += bytes))
      await waitUntil('the visitor to send', () => sent > 0)
      await sleep(settlingMs)
      const grownMb = residentMegabytes(way.pid) - before
      assert.ok(grownMb < 32, `it grew by ${Math.round(grownMb)} MB while the visitor sent ${sent} bytes`)
    })
  }

  async function open(
    channels: 'own' | 'ssh2',
    talk: (socket: Socket) => void,
  ): Promise<{ pid: number; visitor: () => Socket }> {
    const sockets = new Set<Socket>()
    const keep = (socket: Socket) => {
      sockets.add(socket.on('error', () => undefined))
      return socket
    }
    const app = createServer((socket) => talk(keep(socket)))
    scope.add(() => {
      for (const socket of sockets) socket.destroy()
      app.close()
    })
    await once(app.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }), 'listening')
    const sshd = await startSshd(scope, { config: ['LogLevel ERROR'] })
    const knownHostsFile = join(scope.tempDir('memory'), 'known_hosts')
    writeFileSync(knownHostsFile, `${sshd.knownHostsLine}\n`)
    const settings = loginTo(sshd, { key: await sshd.newClientKey(), knownHostsFile })
    const remotePort = await freePort()
    const forward = {
      ...{ remotePort, appPort: (app.address() as AddressInfo).port },
      protocol: 'tcp' as const,
    }
    const { pid } = await startOurs(scope, { settings, forwards: [forward], channels }, ours)
    await sleep(settlingMs)
    return { pid, visitor: () => keep(connect({ port: remotePort, host: '127.0.0.1' })) }
  }
})

/** Long enough for what is sent without end to fill what would take it. */
const settlingMs = 1500

function sendWithoutEnd(socket: Socket, onSent: (bytes: number) => void): void {
  const send = () => {
    do onSent(chunk.length)
    while (socket.writable && socket.write(chunk))
  }
  socket.on('drain', send).resume()
  send()
}
