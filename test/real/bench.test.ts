import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import type { Results } from '../bench/result'
import { isRunning, processTree } from '../support/processTree.mjs'
import { Scope, type ScopedProcess } from '../support/scope'
import { waitUntil } from '../support/waitUntil'

const bench = join(resolve(__dirname, '..'), 'bench/run.mjs')

describe('npm run bench', function () {
  this.timeout(120_000)

  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  const start = (...args: string[]): Promise<ScopedProcess> => scope.spawn(process.execPath, [bench, ...args])

  it('measures ours and OpenSSH, and prints JSON and nothing else', async () => {
    const names = ['upload 1', 'HTTP keep-alive, 1 visitor', 'time to ready']
    const started = await start('--rounds', '1', '--json', ...names.flatMap((name) => ['--row', name]))
    await once(started.child, 'close')
    const { rows, limits, bounds } = JSON.parse(started.stdout) as Results
    assert.deepEqual(
      rows.map(({ name, unit, goal }) => ({ name, unit, goal })),
      [
        { name: 'upload 1', unit: 'MB/s', goal: 1.2 },
        { name: 'HTTP keep-alive, 1 visitor', unit: 'requests/s', goal: 1 },
        { name: 'time to ready', unit: 'ms', goal: 0.7 },
      ],
      started.stderr,
    )
    for (const { ours, openssh, ratio, rounds } of rows) {
      for (const number of [ours, openssh, ratio]) assert.ok(number > 0, started.stdout)
      // Others may use the machine, which asks for more.
      assert.ok(rounds.length >= 1 && rounds.length <= 3, started.stdout)
      for (const round of rounds) assert.ok(round.ours > 0 && round.openssh > 0 && round.ratio > 0)
    }
    assert.deepEqual(
      limits.map(({ name }) => name),
      ['upload 1', 'HTTP keep-alive, 1 visitor'],
    )
    assert.deepEqual(bounds, [])
    const met = rows.every(({ ratio, goal }) => goal === undefined || ratio >= goal)
    assert.equal(await started.exited(), met ? 0 : 1, started.stderr)
  })

  it('leaves no process behind when it is interrupted', async () => {
    const started = await start('--row', 'download 1')
    const isUnderWay = () => started.stderr.includes('download 1')
    await waitUntil(() => `the first round:\n${started.stderr}`, isUnderWay, 60_000)
    const all = processTree(started.pid)
    started.signal('SIGINT')
    await started.exited()
    await waitUntil('all to have ended', () => !all.some((pid) => isRunning(pid)))
  })

  it('says which rows there are when it does not know one', async () => {
    const started = await start('--row', 'teleport')
    assert.equal(await started.exited(), 2)
    await waitUntil('the rows', () => /There is no row "teleport"[^]*upload 1/.test(started.stderr))
  })
})
