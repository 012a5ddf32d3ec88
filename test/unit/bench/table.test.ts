import assert from 'node:assert/strict'
import { number, report } from '../../bench/table'

const round = (ratio: number) => ({ ours: 1, openssh: 1, ratio })

describe('bench: the table', () => {
  it('shows every number, the spread, what was disturbed and whether the goal is met', () => {
    const text = report('a machine: `npm run bench`', {
      rows: [
        {
          ...{ name: 'download 1', unit: 'MB/s', ours: 512.3, openssh: 415, ratio: 1.234, goal: 1.2 },
          rounds: [round(1.3), { ...round(1.1), disturbed: true }, round(1.234)],
        },
        { name: 'upload 1', unit: 'MB/s', ours: 1, openssh: 2, ratio: 0.5, goal: 1.2, rounds: [round(0.5)] },
        { name: 'latency', unit: 'ms', ours: 1, openssh: 2, ratio: 2, rounds: [round(2)] },
      ],
      limits: [{ name: 'download 1', unit: 'MB/s', value: 3456.7 }],
      bounds: [{ name: 'memory', unit: 'MB', value: 25.04, most: 64 }],
    })
    const lines = text.split('\n').map((line) => line.replaceAll(/ +/g, ' '))
    assert.match(lines[0]!, /^a machine: `npm run bench`\./)
    for (const line of [
      '| download 1 | MB/s | 3,457 | 512 | 415 | 1.23 | 1.10–1.30, 1 of 3 disturbed | 1.2 | met |',
      '| upload 1 | MB/s | | 1.00 | 2.00 | 0.50 | 0.50–0.50 | 1.2 | missed |',
      '| latency | ms | | 1.00 | 2.00 | 2.00 | 2.00–2.00 | | |',
      '| memory | MB | 25.0 | 64 | met |',
    ]) {
      assert.ok(lines.includes(line), `${line} in\n${lines.join('\n')}`)
    }
  })

  it('has lines of one length in each table', () => {
    const text = report('', {
      rows: [
        { name: 'a', unit: 'requests/s', ours: 1, openssh: 2, ratio: 2, rounds: [round(2)] },
        { name: 'longer', unit: 's', ours: 10_000, openssh: 2, ratio: 2, goal: 3, rounds: [round(2)] },
      ],
      ...{ limits: [], bounds: [] },
    })
    const lengths = text.split('\n').flatMap((line) => (line.startsWith('|') ? [line.length] : []))
    assert.equal(new Set(lengths).size, 1, text)
  })

  const numbers: [value: number, expected: string][] = [
    [123_456.7, '123,457'],
    [999.6, '1,000'],
    [45.67, '45.7'],
    [1.234, '1.23'],
    [0.0449, '0.04'],
    [0, '0.00'],
  ]
  for (const [value, expected] of numbers) {
    it(`writes ${value} as ${expected}`, () => assert.equal(number(value), expected))
  }
})
