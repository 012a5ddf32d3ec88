import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { GcmOpen, GcmSeal, type GcmName, type GcmState } from '../../../src/ssh/gcm'

const keyLengths: Record<GcmName, number> = { 'aes-128-gcm': 16, 'aes-256-gcm': 32 }
const names = Object.keys(keyLengths) as GcmName[]
const nothing = Buffer.alloc(0)

function stateOf(name: GcmName, nonce = randomBytes(12)): GcmState {
  return { name, key: randomBytes(keyLengths[name]), nonce }
}

/** Seals, and keeps what is written. */
function sealing(state: GcmState) {
  const written: Buffer[] = []
  const seal = new GcmSeal(state, (chunk) => written.push(Buffer.from(chunk)))
  return {
    seal,
    /** All that was written since the last time. */
    taken: () => Buffer.concat(written.splice(0)),
  }
}

/** A packet by Node's crypto alone, whatever stands in it. */
function packetOf(state: GcmState, nonce: Buffer, { length, inside }: { length?: number; inside: Buffer }) {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length ?? inside.length)
  const cipher = createCipheriv(state.name, state.key, nonce).setAAD(head)
  const sealed = Buffer.concat([cipher.update(inside), cipher.final()])
  return Buffer.concat([head, sealed, cipher.getAuthTag()])
}

/** What Node's crypto alone finds in a packet. */
function insideOf(state: GcmState, nonce: Buffer, packet: Buffer): Buffer {
  const decipher = createDecipheriv(state.name, state.key, nonce).setAAD(packet.subarray(0, 4))
  decipher.setAuthTag(packet.subarray(-16))
  return Buffer.concat([decipher.update(packet.subarray(4, -16)), decipher.final()])
}

/** Opens a chunk as a stream gives it. The chunk is overwritten afterwards: nothing of it may be kept. */
function feed(opening: GcmOpen, chunk: Buffer, payloads: Buffer[]): void {
  const lent = Buffer.from(chunk)
  for (let at = 0; at < lent.length;) {
    at = opening.open(lent, at, lent.length, (payload) => payloads.push(payload))
  }
  lent.fill(0xee)
}

function opened(state: GcmState, ...chunks: Buffer[]): Buffer[] {
  const payloads: Buffer[] = []
  const opening = new GcmOpen(state)
  for (const chunk of chunks) feed(opening, chunk, payloads)
  return payloads
}

const lengths = [...Array(70).keys(), 8150, 8192, 8200, 32_767, 32_768, 32_768 + 9]

for (const name of names) {
  describe(`packets of ${name}`, () => {
    it('are what Node’s crypto opens, of every length about a block and its padding', () => {
      const state = stateOf(name)
      const { seal, taken } = sealing(state)
      const nonce = Buffer.from(state.nonce)
      for (const length of lengths) {
        const payload = randomBytes(length)
        const head = payload.subarray(0, Math.min(9, length))
        seal.sendPayload(head, payload, head.length, length)
        const packet = taken()
        const inside = insideOf(state, nonce, packet)
        const padding = inside[0] ?? 0
        assert.equal(packet.readUInt32BE(0), inside.length)
        assert.equal(inside.length % 16, 0, 'RFC 5647 7.2: whole blocks')
        assert.ok(padding >= 4 && padding < 20, `${padding} bytes of padding`)
        assert.deepEqual(inside.subarray(1, inside.length - padding), payload, `${length} bytes`)
        nonce.writeBigUInt64BE(BigInt.asUintN(64, nonce.readBigUInt64BE(4) + 1n), 4)
      }
    })

    it('keep no memory once they are written, and all of it until then', () => {
      const written: { readonly chunk: Buffer; readonly done: (() => void) | undefined }[] = []
      const seal = new GcmSeal(stateOf(name), (chunk, done) => written.push({ chunk, done }))
      const payload = randomBytes(32 * 1024)
      for (let packet = 0; packet < 10; packet++) seal.sendPayload(nothing, payload, 0, payload.length)
      const held = () => written.reduce((sum, { chunk }) => sum + chunk.length, 0)
      assert.ok(held() > 10 * payload.length, `${held()} bytes hold 10 packets`)
      for (const { done } of written) done?.()
      assert.ok(held() < 1000, `${held()} bytes are left`)
    })

    it('come back, whether allocated or sent as a payload, of a part of a chunk too', () => {
      const state = stateOf(name)
      const { seal, taken } = sealing(state)
      for (const length of lengths) {
        const payload = randomBytes(length)
        const packet = seal.allocate(length)
        packet.set(payload, 5)
        seal.seal(packet)
        seal.sendPayload(nothing, Buffer.concat([randomBytes(3), payload, randomBytes(5)]), 3, 3 + length)
        const cut = taken()
        assert.deepEqual(opened(state, cut), [payload, payload])
        // The next two have other nonces.
        state.nonce.writeBigUInt64BE(BigInt.asUintN(64, state.nonce.readBigUInt64BE(4) + 2n), 4)
      }
    })

    it('come back cut at every byte, and one byte at a time', () => {
      const state = stateOf(name)
      const { seal, taken } = sealing(state)
      const payloads = [1, 12, 30].map((length) => randomBytes(length))
      for (const payload of payloads) seal.sendPayload(nothing, payload, 0, payload.length)
      const all = taken()
      for (let cut = 0; cut <= all.length; cut++) {
        assert.deepEqual(opened(state, all.subarray(0, cut), all.subarray(cut)), payloads, `cut at ${cut}`)
      }
      assert.deepEqual(opened(state, ...Array.from(all, (byte) => Buffer.of(byte))), payloads)
    })

    it('come back, many in one chunk, at any place in its memory', () => {
      const state = stateOf(name)
      const { seal, taken } = sealing(state)
      const payloads = Array.from({ length: 200 }, (_, index) => randomBytes(1 + ((index * 37) % 900)))
      for (const payload of payloads) seal.sendPayload(nothing, payload, 0, payload.length)
      const all = taken()
      assert.deepEqual(opened(state, all), payloads)
      const inside = Buffer.concat([randomBytes(11), all, randomBytes(7)])
      const found: Buffer[] = []
      const opening = new GcmOpen(state)
      for (let at = 11; at < 11 + all.length;) {
        at = opening.open(inside, at, 11 + all.length, (payload) => found.push(payload))
      }
      assert.deepEqual(found, payloads)
    })

    it('answers a payload that stays as it is while the next are read', () => {
      const state = stateOf(name)
      const { seal, taken } = sealing(state)
      const [one, two] = [randomBytes(40), randomBytes(40)]
      for (const payload of [one, two]) seal.sendPayload(nothing, payload, 0, 40)
      const all = taken()
      // In pieces: they are put together in memory that is used again.
      const found = opened(state, all.subarray(0, 7), all.subarray(7, 80), all.subarray(80))
      assert.deepEqual(found, [one, two])
    })

    it('are refused when any bit is another', () => {
      const state = stateOf(name)
      const { seal, taken } = sealing(state)
      seal.sendPayload(nothing, randomBytes(20), 0, 20)
      const packet = taken()
      const next = packetOf(state, state.nonce, { inside: Buffer.alloc(64, 4) })
      for (let bit = 0; bit < packet.length * 8; bit++) {
        const flipped = Buffer.from(packet)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const payloads: Buffer[] = []
        // A longer length waits for more: what follows completes it.
        const chunk = Buffer.concat([flipped, ...Array<Buffer>(500).fill(next)])
        assert.throws(() => feed(new GcmOpen(state), chunk, payloads), `bit ${bit}`)
        assert.deepEqual(payloads, [], `bit ${bit}`)
      }
    })

    const impossible = [0, 1, 15, 17, 31, 36_001, 36_016, 65_536, 2 ** 31, 2 ** 32 - 16, 2 ** 32 - 1]
    for (const length of impossible) {
      it(`are refused at a length of ${length}, as soon as it is known`, () => {
        const state = stateOf(name)
        const head = Buffer.alloc(4)
        head.writeUInt32BE(length)
        assert.throws(() => opened(state, head), /Bad packet length/)
        const bytewise = Array.from(head, (byte) => Buffer.of(byte))
        assert.throws(() => opened(state, ...bytewise), /Bad packet length/)
        assert.throws(() => opened(state, Buffer.concat([head, randomBytes(64)])), /Bad packet length/)
      })
    }

    it('may be as long as is allowed', () => {
      const state = stateOf(name)
      const inside = randomBytes(36_000)
      inside[0] = 4
      const packet = packetOf(state, state.nonce, { inside })
      const expected = [inside.subarray(1, -4)]
      assert.deepEqual(opened(state, packet), expected)
      assert.deepEqual(opened(state, packet.subarray(0, 5), packet.subarray(5)), expected)
    })

    for (const [padding, isRight] of [
      ...[0, 1, 3, 16, 17, 255].map((bytes) => [bytes, false] as const),
      ...[4, 14, 15].map((bytes) => [bytes, true] as const),
    ]) {
      it(`with ${padding} bytes of padding in a block are ${isRight ? 'opened' : 'refused'}`, () => {
        const state = stateOf(name)
        const inside = randomBytes(16)
        inside[0] = padding
        const packet = packetOf(state, state.nonce, { inside })
        if (isRight) assert.deepEqual(opened(state, packet), [inside.subarray(1, 16 - padding)])
        else assert.throws(() => opened(state, packet), /Bad padding length/)
      })
    }

    const nonces: [what: string, count: string][] = [
      ['a byte', '00000000000000ff'],
      ['four bytes', '00000000ffffffff'],
      ['seven bytes', '00ffffffffffffff'],
      ['all that counts, and leaves the rest', 'ffffffffffffffff'],
    ]
    for (const [what, count] of nonces) {
      it(`have a nonce that carries over ${what}`, () => {
        const fixed = Buffer.from('ffffffff', 'hex')
        const before = Buffer.from(count, 'hex')
        const after = Buffer.alloc(8)
        after.writeBigUInt64BE(BigInt.asUintN(64, before.readBigUInt64BE() + 1n))
        const given = Buffer.concat([fixed, before])
        const state = stateOf(name, Buffer.from(given))
        const { seal, taken } = sealing(state)
        seal.sendPayload(nothing, Buffer.from('one'), 0, 3)
        const first = taken()
        seal.sendPayload(nothing, Buffer.from('two'), 0, 3)
        const second = taken()
        assert.equal(insideOf(state, given, first).subarray(1, 4).toString(), 'one')
        const counted = Buffer.concat([fixed, after])
        assert.equal(insideOf(state, counted, second).subarray(1, 4).toString(), 'two')
        assert.deepEqual(opened(state, first, second).map(String), ['one', 'two'])
        assert.deepEqual(state.nonce, given, 'whoever gave it has it as it was')
      })
    }
  })

  describe(`packets of ${name}, beside ssh2’s own`, () => {
    it('are opened there, and those of there here, one after the other', () => {
      const state = stateOf(name)
      const stock = stockOf(state)
      const { seal, taken } = sealing(state)
      const opening = new GcmOpen(state)
      for (const length of lengths.filter((each) => each > 0)) {
        const payload = randomBytes(length)
        seal.sendPayload(payload.subarray(0, 1), payload, 1, length)
        assert.deepEqual(stock.opened(taken()), [payload], `${length} bytes, from here`)
        const found: Buffer[] = []
        feed(opening, stock.sealed(payload), found)
        assert.deepEqual(found, [payload], `${length} bytes, from there`)
      }
    })
  })
}

interface StockCrypto {
  createCipher(config: object): { allocPacket(length: number): Buffer; encrypt(packet: Buffer): void }
  createDecipher(config: object): { decrypt(data: Buffer, from: number, end: number): unknown }
}

/** ssh2's cipher and decipher for the same keys, in JavaScript. */
function stockOf({ name, key, nonce }: GcmState) {
  const crypto = createRequire(__filename)('ssh2/lib/protocol/crypto.js') as StockCrypto
  const written: Buffer[] = []
  const payloads: Buffer[] = []
  const info = { sslName: name, authLen: 16, keyLen: key.length, ivLen: 12, blockLen: 16, stream: false }
  const cipher = crypto.createCipher({
    outbound: {
      ...{ seqno: 0, cipherInfo: info, cipherKey: key, cipherIV: Buffer.from(nonce), forceNative: true },
      onWrite: (chunk: Buffer) => written.push(Buffer.from(chunk)),
    },
  })
  const decipher = crypto.createDecipher({
    inbound: {
      ...{
        seqno: 0,
        decipherInfo: info,
        decipherKey: key,
        decipherIV: Buffer.from(nonce),
        forceNative: true,
      },
      onPayload: (payload: Buffer) => void payloads.push(Buffer.from(payload)),
    },
  })
  return {
    sealed: (payload: Buffer) => {
      const packet = cipher.allocPacket(payload.length)
      packet.set(payload, 5)
      cipher.encrypt(packet)
      return Buffer.concat(written.splice(0))
    },
    opened: (bytes: Buffer) => {
      decipher.decrypt(bytes, 0, bytes.length)
      return payloads.splice(0)
    },
  }
}
