import assert from 'node:assert/strict'
import { coresOfOthers, isDisturbed } from '../../bench/disturbance'

describe('bench: disturbance', () => {
  const before = { at: 1000, machine: 50_000, own: 8000 }
  const cases: [what: string, passed: { at: number; machine: number; own: number }, disturbed: boolean][] = [
    ['ours used all of both cores', { at: 2000, machine: 4000, own: 4000 }, false],
    ['the ticks of others are few', { at: 2000, machine: 4000, own: 3850 }, false],
    ['others used a quarter of a core', { at: 2000, machine: 3000, own: 2500 }, true],
    ['others used a core, and ours little', { at: 100, machine: 110, own: 10 }, true],
    ['the kernel counts ours a tick earlier', { at: 2000, machine: 3990, own: 4000 }, false],
  ]
  for (const [what, passed, disturbed] of cases) {
    it(`is ${disturbed ? '' : 'not '}there where ${what}`, () => {
      const after = {
        at: before.at + passed.at,
        machine: before.machine + passed.machine,
        own: before.own + passed.own,
      }
      assert.equal(isDisturbed(coresOfOthers(before, after)), disturbed)
    })
  }
})
