import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../../src/base/failure'
import { silentLog } from '../../../src/base/log'
import { LinuxSource } from '../../../src/ports/linuxSource'
import { listsListenersFirst, SocketTable } from '../../../src/ports/socketTable'

const heading =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'

/** A line of /proc/net/tcp on this machine's loopback, as long as the kernel makes it. */
function line(port: number, inode: number, state = '0A', queue = 0): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const fields = `   0: 0100007F:${hex} 00000000:0000 ${state} 00000000:0000000${queue} 00:00000000 00000000     0        0 ${inode} 1`
  return `${fields.padEnd(149)}\n`
}

/** A /proc of our own. */
class FakeProc {
  readonly root = mkdtempSync(join(tmpdir(), 'proc-'))

  constructor() {
    mkdirSync(join(this.root, 'net'))
    this.sockets()
  }

  sockets(...lines: string[]): void {
    writeFileSync(join(this.root, 'net/tcp'), heading + lines.join(''))
  }

  process(pid: number, inodes: readonly number[], parent = 1, comm = `app${pid}`): void {
    const folder = join(this.root, String(pid))
    mkdirSync(join(folder, 'fd'), { recursive: true })
    symlinkSync('/dev/null', join(folder, 'fd/0'))
    inodes.forEach((inode, index) => symlinkSync(`socket:[${inode}]`, join(folder, `fd/${index + 3}`)))
    symlinkSync(`/home/ada/${comm}`, join(folder, 'cwd'))
    writeFileSync(join(folder, 'comm'), `${comm.slice(0, 15)}\n`)
    writeFileSync(join(folder, 'cmdline'), `/usr/bin/${comm}\0--port\0${pid}\0`)
    writeFileSync(join(folder, 'stat'), `${pid} (a) R (${comm}) S ${parent} ${pid} 0\n`)
  }

  end(pid: number): void {
    rmSync(join(this.root, String(pid)), { recursive: true })
  }
}

describe('LinuxSource', () => {
  let proc: FakeProc
  let source: LinuxSource
  beforeEach(() => {
    proc = new FakeProc()
    source = new LinuxSource(silentLog, proc.root)
  })
  afterEach(() => {
    source.dispose()
    rmSync(proc.root, { recursive: true })
  })

  const pidOf = async (port: number) =>
    (await source.list()).find((found) => found.port === port)?.process?.pid

  it('tells process, command and folder', async () => {
    proc.sockets(line(3000, 77))
    proc.process(400, [76, 77], 1, 'a-program-with-a-long-name')
    assert.deepEqual(await source.list(), [
      {
        port: 3000,
        addresses: ['127.0.0.1'],
        process: {
          pid: 400,
          name: 'a-program-with-a-long-name',
          command: '/usr/bin/a-program-with-a-long-name --port 400',
          folder: '/home/ada/a-program-with-a-long-name',
        },
      },
    ])
  })

  it('calls a process by its program when its main thread has a name of its own', async () => {
    proc.sockets(line(3000, 77))
    proc.process(400, [77], 1, 'node')
    writeFileSync(join(proc.root, '400/comm'), 'MainThread\n')
    assert.equal((await source.list())[0]?.process?.name, 'node')
  })

  it('lists a socket whose process we may not read, without a name', async () => {
    proc.sockets(line(22, 5), line(3000, 77))
    proc.process(400, [77])
    mkdirSync(join(proc.root, '9'))
    const ports = await source.list()
    assert.deepEqual(ports[0], { port: 22, addresses: ['127.0.0.1'] })
    assert.equal(ports[1]?.process?.pid, 400)
  })

  it('gives the same array while the set of listening sockets stays the same', async () => {
    proc.sockets(line(3000, 77), line(3000, 90, '01'))
    proc.process(400, [77])
    const first = await source.list()
    assert.equal(await source.list(), first)
    // A visitor waits in the queue, connections come and go.
    proc.sockets(line(3000, 77, '0A', 1), line(3000, 91, '01'), line(3000, 92, '06'))
    assert.equal(await source.list(), first)
  })

  it('does not look at processes again before a socket changed', async () => {
    proc.sockets(line(3000, 77))
    proc.process(400, [77])
    await source.list()
    proc.end(400)
    assert.equal(await pidOf(3000), 400)
    proc.process(500, [77, 78])
    proc.sockets(line(3000, 77), line(4000, 78))
    assert.equal(await pidOf(3000), 500)
    assert.equal(await pidOf(4000), 500)
  })

  it('does not take a reused pid for the process that had it', async () => {
    proc.sockets(line(3000, 77), line(4000, 78))
    proc.process(400, [77])
    proc.process(401, [78])
    await source.list()
    proc.end(400)
    proc.process(400, [99], 1, 'somebody-else')
    proc.process(402, [77])
    proc.sockets(line(3000, 77))
    assert.equal(await pidOf(3000), 402)
  })

  it('names the server of which the workers inherited the socket', async () => {
    proc.sockets(line(8000, 77))
    proc.process(300, [], 1, 'bash')
    proc.process(310, [77], 300, 'gunicorn')
    proc.process(311, [60, 77], 310, 'gunicorn')
    proc.process(312, [77], 311, 'gunicorn')
    assert.equal(await pidOf(8000), 310)
  })

  it('names the service and not systemd, which holds its socket too', async () => {
    proc.sockets(line(631, 77))
    proc.process(1, [77], 0, 'systemd')
    proc.process(200, [77], 1, 'cupsd')
    assert.equal(await pidOf(631), 200)
  })

  it('tries once more when a process was not found, then lets it be', async () => {
    proc.sockets(line(3000, 77), line(4000, 78))
    proc.process(400, [77])
    assert.equal(await pidOf(4000), undefined)
    proc.process(401, [78])
    assert.equal(await pidOf(4000), 401)

    proc.sockets(line(3000, 77), line(4000, 78), line(5000, 79))
    await source.list()
    const settled = await source.list()
    proc.process(402, [79])
    assert.equal(await source.list(), settled)
    assert.equal(await pidOf(5000), undefined)
  })

  it('finds listeners beyond its first bite, and forgets those that closed', async () => {
    const many = Array.from({ length: 300 }, (_, index) => index + 1)
    const connections = many.map((index) => line(index, 10_000 + index, '01'))
    for (const count of [1, 300, 2, 100, 0, 300]) {
      const open = many.slice(0, count)
      proc.sockets(...open.map((index) => line(index, index)), ...connections)
      const ports = await source.list()
      assert.deepEqual(
        ports.map(({ port }) => port),
        open,
      )
    }
  })

  it('stops when it is told to', async () => {
    proc.sockets(line(3000, 77))
    await assert.rejects(source.list(AbortSignal.abort()), { name: 'AbortError' })
    assert.equal((await source.list()).length, 1)
  })

  it('says so when the table cannot be read', async () => {
    unlinkSync(join(proc.root, 'net/tcp'))
    mkdirSync(join(proc.root, 'net/tcp'))
    await assert.rejects(
      source.list(),
      (error) => error instanceof Failure && error.kind === 'ports-unreadable',
    )
  })
})

describe('SocketTable', () => {
  let proc: FakeProc
  // More than a page of them.
  const connections = Array.from({ length: 60 }, (_, index) => line(2, 1000 + index, '01'))
  beforeEach(() => (proc = new FakeProc()))
  afterEach(() => rmSync(proc.root, { recursive: true }))

  it('relies on the order of the table only on kernels known to keep it', () => {
    const cases: [string, boolean][] = [
      ['6.18.44-fc', true],
      ['5.15.153.1-microsoft-standard-WSL2', true],
      ['4.18.0-553.el8', true],
      ['4.4.0-19041-Microsoft', false],
      ['4.4.0', false],
      ['4.19.0-gvisor', false],
      ['3.10.0-1160.el7', false],
    ]
    for (const [release, expected] of cases) assert.equal(listsListenersFirst(release), expected, release)
  })

  it('finds every listener of a table in any order', async () => {
    const table = new SocketTable(join(proc.root, 'net/tcp'), '4.4.0')
    const mixed = [line(1, 1), ...connections, line(3, 3)]
    proc.sockets(...mixed)
    for (const more of [[], [line(4, 4)], [line(5, 5, '01'), line(6, 6)]]) {
      proc.sockets(...mixed, ...more)
      const expected = [...mixed, ...more].filter((text) => text.includes(' 0A '))
      assert.equal(await table.read(), heading + expected.join(''))
    }
  })

  it('stops relying on an order that its first look refutes', async () => {
    proc.sockets(line(1, 1), ...connections, line(3, 3))
    const table = new SocketTable(join(proc.root, 'net/tcp'), '6.1.0')
    await table.read()
    proc.sockets(line(1, 1), ...connections, line(3, 3), line(4, 4))
    assert.equal(await table.read(), heading + line(1, 1) + line(3, 3) + line(4, 4))
  })

  it('has no listeners where the kernel has no such table', async () => {
    assert.equal(await new SocketTable(join(proc.root, 'net/tcp6'), '6.1.0').read(), '')
  })
})
