import assert from 'node:assert/strict'
import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { TunnelCount } from '../../../src/tunnels/tunnelCount'

describe('TunnelCount', () => {
  it('counts visitors who are there, and what passes either way', async () => {
    const count = new TunnelCount()
    const [stream, outside] = duplexPair()
    // Some of it has come before anybody looks.
    outside.write('early')
    await once(stream, 'readable')
    count.watch({ stream, originator: { address: '', port: 0 } })
    assert.equal(count.numbers.visitorsNow, 1)
    outside.write(' late')
    stream.write('answer')
    stream.write(Buffer.from('more'))
    const chunks: string[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(String(chunk)))
    outside.on('data', () => undefined)
    outside.end()
    await once(stream, 'end')
    assert.equal(chunks.join(''), 'early late')
    const { bytesIn, bytesOut } = count.numbers
    assert.deepEqual([bytesIn, bytesOut], [10, 10])
    const closed = once(stream, 'close')
    stream.end()
    await closed
    assert.equal(count.numbers.visitorsNow, 0)
  })

  it('has latencies of the latest answers only', () => {
    const count = new TunnelCount()
    assert.equal(count.numbers.latencyMs, undefined)
    count.onAnswer(7)
    assert.deepEqual(count.numbers.latencyMs, { p50: 7, p95: 7, p99: 7 })
    for (let ms = 1; ms <= 100; ms++) count.onAnswer(ms)
    assert.deepEqual(count.numbers.latencyMs, { p50: 50, p95: 95, p99: 99 })
    for (let times = 0; times < 1000; times++) count.onAnswer(3)
    assert.deepEqual(count.numbers.latencyMs, { p50: 3, p95: 3, p99: 3 })
  })

  it('counts requests and errors', () => {
    const count = new TunnelCount()
    for (let times = 0; times < 3; times++) count.onRequest()
    count.onError()
    assert.deepEqual([count.numbers.requests, count.numbers.errors], [3, 1])
  })
})
