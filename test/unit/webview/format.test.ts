import assert from 'node:assert/strict'
import { formatAge, formatBytes, formatDuration, plural, spokenAge } from '../../../src/webview/format'

describe('what the inspector says of sizes and times', () => {
  const bytes: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1234, '1.2 kB'],
    [12_345, '12 kB'],
    [999_499, '999 kB'],
    [999_600, '1 MB'],
    [5_200_000, '5.2 MB'],
    [3e9, '3 GB'],
    [9.9e15, '9900 TB'],
  ]
  for (const [count, text] of bytes)
    it(`${count} bytes: ${text}`, () => assert.equal(formatBytes(count), text))

  const durations: [number | undefined, string][] = [
    [undefined, ''],
    [0, '<1 ms'],
    [1, '1 ms'],
    [12.4, '12 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [1234, '1.2 s'],
    [59_949, '60 s'],
    [90_000, '1.5 min'],
    [3_600_000, '1 h'],
  ]
  for (const [ms, text] of durations)
    it(`${String(ms)} ms: "${text}"`, () => assert.equal(formatDuration(ms), text))

  const ages: [number, string, string][] = [
    [-5, 'now', 'just now'],
    [1999, 'now', 'just now'],
    [2000, '2s', '2 seconds ago'],
    [59_999, '59s', '59 seconds ago'],
    [60_000, '1m', '1 minute ago'],
    [7_200_000, '2h', '2 hours ago'],
    [86_400_000, '1d', '1 day ago'],
  ]
  for (const [ms, text, spoken] of ages) {
    it(`${ms} ms ago: ${text}`, () => assert.deepEqual([formatAge(ms), spokenAge(ms)], [text, spoken]))
  }

  it('counts', () =>
    assert.deepEqual([plural(1, 'request'), plural(10_000, 'request')], ['1 request', '10,000 requests']))
})
