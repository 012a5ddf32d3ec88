import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { Client, Server, utils, type Connection, type ServerChannel } from 'ssh2'
import {
  largestData,
  type ChannelListener,
  type ChannelProtocol,
  type OpenRequest,
} from '../../../src/ssh/channelProtocol'
import { takeChannels } from '../../../src/ssh/ssh2Internals'
import { waitUntil } from '../../support/waitUntil'
import { Collected } from '../tunnels/streams'

describe('ssh2, whose internals are used', () => {
  it('is one exact version in package.json, and the one that is installed', () => {
    const manifest = JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')) as {
      readonly devDependencies: Readonly<Record<string, string>>
    }
    const installed = createRequire(__filename)('ssh2/package.json') as { readonly version: string }
    assert.match(manifest.devDependencies['ssh2'] ?? '', /^\d+\.\d+\.\d+$/)
    assert.equal(manifest.devDependencies['ssh2'], installed.version)
  })
})

/** Knows no channel, and counts how often keys were agreed on. */
class FakeListener implements ChannelListener {
  keys = 0
  readonly got: Buffer[] = []
  knows = (_id: number): boolean => false
  onOpen = (_request: OpenRequest): boolean => false
  onData = (id: number, data: Buffer): boolean => {
    if (this.knows(id)) this.got.push(Buffer.from(data))
    return this.knows(id)
  }
  onWindowAdjust = (id: number): boolean => this.knows(id)
  onEof = (id: number): boolean => this.knows(id)
  onClose = (id: number): boolean => this.knows(id)
  onRequest = (id: number): boolean => this.knows(id)
  onKeys = (): void => {
    this.keys++
  }
}

/** Of its ed25519 keys ssh2 1.17 cannot read about one in 180. */
const keyPair = utils.generateKeyPairSync('ecdsa', { bits: 256 })

/** A client and a server of ssh2's, logged in over a pair of streams. */
async function logIn(cipher: 'aes128-gcm@openssh.com' | 'chacha20-poly1305@openssh.com') {
  const server = new Server({ hostKeys: [keyPair.private] }, () => undefined)
  const joined = new Promise<Connection>((resolve) => {
    server.on('connection', (connection) => {
      connection.on('authentication', (context) => context.accept()).on('error', () => undefined)
      resolve(connection)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const client = new Client()
  client.on('error', () => undefined)
  const ready = new Promise<void>((resolve) => client.once('ready', resolve))
  client.connect({ sock: near, username: 'ada', algorithms: { cipher: [cipher] } })
  const connection = await joined
  await ready
  server.close()
  return { client, connection, near }
}

/** A channel that the server opens to the client, for a visitor. */
function visit(connection: Connection): Promise<ServerChannel> {
  return new Promise((resolve, reject) => {
    connection.forwardOut('127.0.0.1', 8080, '198.51.100.9', 40_000, (error, opened) =>
      error ? reject(error) : resolve(opened),
    )
  })
}

interface Counting {
  readonly _cipher: { readonly outSeqno: number }
  readonly _decipher: { readonly inSeqno: number }
}

type Tree = Record<string, unknown>

for (const cipher of ['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com'] as const) {
  describe(`takeChannels, of a connection by ${cipher}`, () => {
    let client: Client
    let connection: Connection
    let near: Duplex
    beforeEach(async () => ({ client, connection, near } = await logIn(cipher)))
    afterEach(() => {
      client.destroy()
      near.destroy()
    })

    it('finds all that it takes', () => {
      let protocol: ChannelProtocol | undefined
      const listener = takeChannels(client, { stream: near }, (given) => {
        protocol = given
        return new FakeListener()
      })
      assert.equal(listener?.keys, 1)
      assert.match(protocol?.peerSoftware ?? '', /^SSH-2\.0-ssh2js/)
      assert.equal(protocol?.isExchangingKeys, false)
    })

    it('sends more than the network takes at once, and all of it as it was', async () => {
      let protocol: ChannelProtocol | undefined
      const listener = takeChannels(client, { stream: near }, (given) => {
        protocol = given
        return new FakeListener()
      })
      assert.ok(listener && protocol)
      const sender = protocol
      let peerId = -1
      listener.onOpen = (request) => {
        peerId = request.peerId
        sender.confirm(peerId, { id: sender.reserve(), window: 1_000_000 })
        return true
      }
      const channel = await visit(connection)
      const atServer = createHash('sha256')
      let size = 0
      channel.on('data', (data: Buffer) => {
        atServer.update(data)
        size += data.length
      })
      const sent = randomBytes(24 * 1024 * 1024)
      for (let at = 0; at < sent.length; at += largestData) sender.data(peerId, sent, at, at + largestData)
      await new Promise(setImmediate)
      assert.ok(near.writableLength > 1024 * 1024, `${near.writableLength} bytes wait for the network`)
      await waitUntil('all of it', () => size === sent.length)
      assert.equal(atServer.digest('hex'), createHash('sha256').update(sent).digest('hex'))
    })

    it('carries a channel’s bytes both ways, also after keys are exchanged again, from either side', async () => {
      let protocol: ChannelProtocol | undefined
      const listener = takeChannels(client, { stream: near }, (given) => {
        protocol = given
        return new FakeListener()
      })
      assert.ok(listener && protocol)
      const sender = protocol
      let peerId = -1
      const id = sender.reserve()
      listener.knows = (each) => each === id
      listener.onOpen = (request) => {
        peerId = request.peerId
        sender.confirm(peerId, { id, window: 1_000_000 })
        return true
      }
      const channel = await visit(connection)
      const atServer = new Collected(channel)
      const exchange = async (text: string) => {
        const { size } = atServer
        sender.data(peerId, Buffer.from(`<${text}>`), 1, 1 + text.length)
        sender.ignore()
        channel.write(text)
        await waitUntil('the bytes there', () => atServer.size === size + text.length)
        assert.equal(atServer.text.slice(size), text)
        await waitUntil('the bytes here', () => Buffer.concat(listener.got.splice(0)).toString() === text)
      }
      await exchange('before')
      for (const [who, either] of [
        ['client', client],
        ['server', connection],
      ] as const) {
        const { keys } = listener
        ;(either as unknown as { readonly _protocol: { rekey(): void } })._protocol.rekey()
        if (who === 'client') assert.ok(sender.isExchangingKeys)
        await waitUntil(`the ${who}’s new keys`, () => listener.keys > keys && !sender.isExchangingKeys)
        await exchange(`after the ${who} asked for other keys`)
      }
    })

    it('counts packets as ssh2 does, which other ciphers and SSH_MSG_UNIMPLEMENTED go by', async () => {
      let protocol: ChannelProtocol | undefined
      takeChannels(client, { stream: near }, (given) => {
        protocol = given
        return new FakeListener()
      })
      for (let times = 0; times < 5; times++) protocol?.data(4711, Buffer.from('x'), 0, 1)
      protocol?.ignore()
      await new Promise<void>((resolve) => client.forwardIn('', 0, () => resolve()))
      const [ours, theirs] = [client, connection].map(
        (either) => (either as unknown as { readonly _protocol: Counting })._protocol,
      )
      assert.equal(ours?._cipher.outSeqno, theirs?._decipher.inSeqno)
      assert.equal(ours?._decipher.inSeqno, theirs?._cipher.outSeqno)
    })

    it('sends nothing once the stream has ended', async () => {
      let protocol: ChannelProtocol | undefined
      takeChannels(client, { stream: near }, (given) => {
        protocol = given
        return new FakeListener()
      })
      const errors: unknown[] = []
      near.on('error', (error) => errors.push(error))
      near.end()
      protocol?.data(0, Buffer.from('late'), 0, 4)
      await new Promise(setImmediate)
      assert.deepEqual(errors, [])
    })
  })

  describe(`takeChannels, of a connection by ${cipher} without one of ssh2’s internals`, () => {
    let client: Client
    let near: Duplex
    before(async () => ({ client, near } = await logIn(cipher)))
    after(() => {
      client.destroy()
      near.destroy()
    })

    const internals: (readonly string[])[] = [
      ['_chanMgr'],
      ...['add', 'remove'].map((name) => ['_chanMgr', name]),
      ['_protocol'],
      ...['channelOpenConfirm', 'channelOpenFail', 'channelData', 'channelWindowAdjust'].map((name) => [
        '_protocol',
        name,
      ]),
      ...['channelEOF', 'channelClose', 'channelFailure'].map((name) => ['_protocol', name]),
      ...['_handlers', '_cipher', '_decipher', '_packetRW'].map((name) => ['_protocol', name]),
      ...['_kexinit', '_debug', '_remoteIdentRaw'].map((name) => ['_protocol', name]),
      ...['OPEN', 'DATA', 'WINDOW_ADJUST', 'EOF', 'CLOSE', 'REQUEST'].map((name) => [
        ...['_protocol', '_handlers', `CHANNEL_${name}`],
      ]),
      ...['allocPacket', 'encrypt', 'free'].map((name) => ['_protocol', '_cipher', name]),
      ...['_onPayload', 'decrypt', 'free'].map((name) => ['_protocol', '_decipher', name]),
      ['_protocol', '_packetRW', 'write'],
      ...['alloc', 'finalize', 'allocStart'].map((name) => ['_protocol', '_packetRW', 'write', name]),
    ]
    for (const path of internals) {
      it(`changes nothing where ${path.join('.')} is missing`, () => {
        const name = path.at(-1) ?? assert.fail()
        // What it is made of, without what is looked for. The client itself stays whole.
        const { _chanMgr, _protocol } = client as unknown as Tree
        const root: Tree = { _chanMgr, _protocol, on: () => assert.fail('it listens') }
        let holder = root
        for (const step of path.slice(0, -1)) holder = holder[step] = flat(holder[step])
        assert.ok(name in holder, 'ssh2 has it')
        Reflect.deleteProperty(holder, name)
        const before = snapshot(root)
        const route = { stream: near, lend: (): void => assert.fail('it reads otherwise') }
        const listen = (): FakeListener => assert.fail('it listens')
        assert.equal(takeChannels(root as unknown as Client, route, listen), undefined)
        assert.deepEqual(snapshot(root), before)
      })
    }
  })
}

/** A copy with the methods of its class as its own, so that one can be taken away. */
function flat(value: unknown): Tree {
  const own: Tree = {}
  for (let each = value; each !== null && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    for (const [name, { value: held }] of Object.entries(Object.getOwnPropertyDescriptors(each as object))) {
      if (!(name in own)) own[name] = held
    }
  }
  return own
}

/** All that stands in the two, and what they are made of, by identity. */
function snapshot(root: Tree): Map<string, unknown> {
  const all = new Map<string, unknown>()
  const add = (path: string, value: unknown) => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, held] of Object.entries(value)) all.set(`${path}.${name}`, held)
  }
  const protocol = root['_protocol'] as Tree | undefined
  add('_chanMgr', root['_chanMgr'])
  add('_protocol', protocol)
  for (const name of ['_handlers', '_cipher', '_decipher', '_packetRW']) add(name, protocol?.[name])
  return all
}
