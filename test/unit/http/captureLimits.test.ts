import assert from 'node:assert/strict'
import { readCaptureLimits } from '../../../src/http/captureLimits'
import { usualLimits } from '../../../src/http/exchanges'

const read = (values: Record<string, unknown>) => readCaptureLimits((name) => values[name])
const mebibyte = 1024 * 1024

describe('readCaptureLimits', () => {
  it('has the usual ones where nothing is set, or nonsense', () => {
    const usual = { ...usualLimits, isOn: true }
    assert.deepEqual(read({}), usual)
    const odd = { enabled: 'no', maxExchanges: '7', maxBodyKilobytes: null, maxMegabytes: NaN }
    assert.deepEqual(read(odd), usual)
  })

  it('takes what is set, in its units', () => {
    assert.deepEqual(read({ enabled: false, maxExchanges: 50, maxBodyKilobytes: 10, maxMegabytes: 8 }), {
      isOn: false,
      mostExchanges: 50,
      mostBodyBytes: 10 * 1024,
      mostBytes: 8 * mebibyte,
    })
    assert.equal(read({ maxBodyKilobytes: 0 }).mostBodyBytes, 0)
  })

  it('keeps within bounds', () => {
    const least = read({ maxExchanges: -1, maxBodyKilobytes: -1, maxMegabytes: 0 })
    assert.deepEqual([least.mostExchanges, least.mostBodyBytes, least.mostBytes], [10, 0, mebibyte])
    const most = read({ maxExchanges: 1e9, maxBodyKilobytes: 1e9, maxMegabytes: Infinity })
    assert.deepEqual(
      [most.mostExchanges, most.mostBodyBytes, most.mostBytes],
      [20_000, 64 * mebibyte, 1024 * mebibyte],
    )
  })

  it('lets no body be so long that its exchange could not be kept', () => {
    assert.equal(read({ maxBodyKilobytes: 4096, maxMegabytes: 4 }).mostBodyBytes, mebibyte)
  })
})
