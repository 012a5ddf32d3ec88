import assert from 'node:assert/strict'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { silentLog } from '../../../src/base/log'
import { programName } from '../../../src/ports/programName'
import { portSourceFor } from '../../../src/ports/sources'

describe('the port source of this OS', function () {
  this.timeout(60_000)

  it('finds our own listeners of both families, with process, command and folder, and sees them go', async () => {
    const source = portSourceFor(process.platform, silentLog)
    const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '::')]
    await Promise.all(servers.map((server) => once(server, 'listening')))
    const numbers = servers.map((server) => (server.address() as AddressInfo).port)
    try {
      const ports = await source.list()
      const [v4, v6] = numbers.map((number) => ports.find(({ port }) => port === number))
      assert.deepEqual(v4?.addresses, ['127.0.0.1'])
      assert.deepEqual(v6?.addresses, ['::'])
      assert.equal(v4.process?.pid, process.pid)
      assert.match(v4.process.name, /^node(\.exe)?$/)
      assert.match(v4.process.command ?? '', /mocha/)
      assert.match(programName(v4.process), /mocha/)
      // Windows does not tell.
      const folder = process.platform === 'win32' ? undefined : realpathSync(process.cwd())
      assert.equal(v4.process.folder, folder)
    } finally {
      await Promise.all(servers.map((server) => once(server.close(), 'close')))
    }
    const left = await source.list()
    assert.ok(numbers.every((number) => !left.some(({ port }) => port === number)))
    source.dispose?.()
  })
})
