import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { packExtension } from '../support/packExtension'

describe('the .vsix', function () {
  this.timeout(120_000)

  it('is smaller than 2 MB', async () => {
    const { size } = statSync(await packExtension())
    assert.ok(size < 2e6, `it has ${size} bytes`)
  })
})
