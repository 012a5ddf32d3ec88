import assert from 'node:assert/strict'
import { formatBytes, formatCount, formatMs } from '../../../src/ui/amounts'

describe('amounts in words', () => {
  const bytes: [number, string][] = [
    [0, '0 B'],
    [1, '1 B'],
    [512, '512 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1234, '1.2 kB'],
    [9949, '9.9 kB'],
    [9960, '10 kB'],
    [300_000, '300 kB'],
    [999_400, '999 kB'],
    [999_999, '1 MB'],
    [1_234_567, '1.2 MB'],
    [64 * 1024 * 1024, '67 MB'],
    [1e9, '1 GB'],
    [3.14e12, '3.1 TB'],
    [5e15, '5,000 TB'],
  ]
  for (const [amount, text] of bytes) {
    it(`${amount} bytes are ${text}`, () => assert.equal(formatBytes(amount), text))
  }

  const times: [number, string][] = [
    [0, '0 ms'],
    [0.04, '0 ms'],
    [0.42, '0.4 ms'],
    [9.94, '9.9 ms'],
    [9.96, '10 ms'],
    [12.4, '12 ms'],
    [999, '999 ms'],
    [999.6, '1 s'],
    [1234, '1.2 s'],
    [9949, '9.9 s'],
    [12_345, '12 s'],
    [120_000, '120 s'],
  ]
  for (const [ms, text] of times) {
    it(`${ms} ms are ${text}`, () => assert.equal(formatMs(ms), text))
  }

  const counts: [number, string][] = [
    [0, '0 requests'],
    [1, '1 request'],
    [2, '2 requests'],
    [12_345, '12,345 requests'],
  ]
  for (const [count, text] of counts) {
    it(`${count} are ${text}`, () => assert.equal(formatCount(count, 'request'), text))
  }
})
