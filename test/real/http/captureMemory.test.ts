import assert from 'node:assert/strict'
import { join } from 'node:path'
import { usualLimits } from '../../../src/http/exchanges'
import { Scope } from '../../support/scope'
import type { Measured } from './memoryOfCapture'

const mebibyte = 1024 * 1024
/** What Node itself needs to pass a gigabyte, and what it has not given back yet. */
const besides = 64 * mebibyte

describe('the memory that capture takes', function () {
  this.timeout(300_000)

  it('stays within its limit, after 10,000 exchanges and while a gigabyte passes', async () => {
    const scope = new Scope()
    try {
      const limits = { ...usualLimits, mostExchanges: 20_000 }
      const script = join(__dirname, 'memoryOfCapture.ts')
      const args = ['--expose-gc', '--import=tsx', script, JSON.stringify(limits)]
      const child = await scope.spawn(process.execPath, args)
      assert.equal(await child.exited(), 0, child.stderr)
      const measured = JSON.parse(child.stdout) as Measured
      const { said, grown, exchanges, grownInDownload, downloaded } = measured
      const all = JSON.stringify(measured)
      assert.equal(downloaded, 1024 * mebibyte)
      // 18 kB each, and 64 MB in all: the oldest have given way.
      assert.ok(exchanges > 2000 && exchanges < 4000, all)
      assert.ok(said <= limits.mostBytes && said > limits.mostBytes - mebibyte, all)
      assert.ok(grown <= said + besides, all)
      assert.ok(grownInDownload <= limits.mostBytes + besides, all)
    } finally {
      await scope.close()
    }
  })
})
