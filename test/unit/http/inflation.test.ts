import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib'
import type { CapturedBody } from '../../../src/http/capturedExchange'
import { Inflation } from '../../../src/http/inflation'
import { waitUntil } from '../../support/waitUntil'

const bodyOf = (bytes: Uint8Array): CapturedBody => ({ bytes, size: bytes.length })
const textOf = ({ bytes }: CapturedBody) => Buffer.from(bytes).toString()

/** As senders compress: each message refers to those before it. */
async function compress(texts: readonly string[]): Promise<Buffer[]> {
  const deflate = createDeflateRaw()
  const messages: Buffer[] = []
  for (const text of texts) {
    const chunks: Buffer[] = []
    const onData = (chunk: Buffer) => chunks.push(chunk)
    deflate.on('data', onData)
    deflate.write(text)
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
    deflate.off('data', onData)
    messages.push(Buffer.concat(chunks).subarray(0, -4))
  }
  deflate.close()
  await once(deflate, 'close')
  return messages
}

describe('Inflation', () => {
  it('makes messages readable that refer to those before them', async () => {
    const texts = ['one', 'one two one two', '', 'x'.repeat(5000), 'one']
    const inflation = new Inflation(1000)
    const read: CapturedBody[] = []
    for (const message of await compress(texts)) inflation.add(bodyOf(message), (body) => read.push(body))
    inflation.end()
    await waitUntil('all', () => read.length === texts.length)
    assert.deepEqual(
      read.map(textOf),
      texts.map((text) => text.slice(0, 1000)),
    )
    assert.equal(read[3]?.size, 5000)
  })

  it('goes on after a message that ends the compressed stream', async () => {
    const inflation = new Inflation(1000)
    const read: string[] = []
    for (const text of ['one', 'two']) {
      inflation.add(bodyOf(deflateRawSync(text)), (body) => read.push(textOf(body)))
      await waitUntil(text, () => read.at(-1) === text)
    }
    inflation.end()
  })

  for (const [what, broken] of [
    ['is not compressed', bodyOf(Buffer.from('\xff\xff nonsense'))],
    ['is not whole', { bytes: new Uint8Array(10), size: 11 }],
    ['becomes very much', bodyOf(deflateRawSync(Buffer.alloc(40 * 1024 * 1024)))],
    ['is more than it can do at once', bodyOf(Buffer.alloc(5 * 1024 * 1024))],
  ] as const) {
    it(`gives up for good at what ${what}`, async () => {
      const inflation = new Inflation(1000)
      const read: string[] = []
      const [first, second] = await compress(['one', 'two'])
      inflation.add(bodyOf(first ?? Buffer.alloc(0)), (body) => read.push(textOf(body)))
      await waitUntil('the first', () => read.length === 1)
      inflation.add(broken, () => assert.fail())
      await new Promise((resolve) => setTimeout(resolve, 50))
      inflation.add(bodyOf(second ?? Buffer.alloc(0)), () => assert.fail())
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.deepEqual(read, ['one'])
      inflation.end()
    })
  }
})
