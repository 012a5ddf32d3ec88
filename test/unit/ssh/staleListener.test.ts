import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import type { Address } from '../../../src/base/address'
import { silentLog } from '../../../src/base/log'
import type { Accept, Visitor } from '../../../src/base/visitor'
import { failures } from '../../../src/ssh/failures'
import type { SocketFile } from '../../../src/ssh/sftp'
import { parseSshG, settingsFromOptions } from '../../../src/ssh/sshConfig'
import { StaleListeners } from '../../../src/ssh/staleListener'
import type { Transport } from '../../../src/ssh/transport'

const settings = settingsFromOptions({ host: 'server', user: 'me', port: 22 }, parseSshG('hostname server\n'))
const path = '/run/expose/app.sock'
const unix: Address = { kind: 'unix', path }
const tcp: Address = { kind: 'tcp', host: '127.0.0.1', port: 8080 }
const turns = async () => {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
}

interface File extends SocketFile {
  /** Whether somebody listens behind it. */
  alive: boolean
  accept?: Accept
}

/** A server as its SFTP and its sshd show it, without StreamLocalBindUnlink. */
class FakeServer {
  readonly files = new Map<string, File>()
  readonly asked: string[] = []
  now = 1000
  hasSftp = true
  sftpBegins = Promise.resolve()
  letsAsk = true
  uid = 1000
  portHolder: string | undefined
  runs: (command: string) => Promise<string> = () => Promise.reject(new Error('no'))

  transport(name = 'session'): Transport {
    const look = (at: string) => {
      const file = this.files.get(at)
      return Promise.resolve(file === undefined ? undefined : { ...file })
    }
    const sftp = {
      look,
      close: () => undefined,
      setMode: (at: string, mode: number) => {
        this.files.set(at, { ...this.files.get(at)!, mode })
        return Promise.resolve()
      },
      replace: (from: string, to: string) => {
        this.asked.push(`replace ${to}`)
        this.files.set(to, this.files.get(from)!)
        this.files.delete(from)
        return Promise.resolve()
      },
      remove: (at: string) => {
        this.asked.push(`remove ${at.replace(/-[0-9a-f]{12}/, '-*')}`)
        this.files.delete(at)
        return Promise.resolve()
      },
    }
    const transport = {
      settings,
      isOpen: true,
      forward: (bind: Address, accept: Accept) => this.listen(bind, accept, name),
      openSftp: () => {
        this.asked.push('sftp')
        return this.hasSftp ? this.sftpBegins.then(() => sftp) : Promise.reject(new Error('refused'))
      },
      answersOn: (at: string) => {
        const file = this.files.get(at)
        if (!this.letsAsk || file?.alive !== true) return Promise.resolve(false)
        file.accept?.({ stream: new PassThrough(), originator: { address: '', port: 0 } })
        return Promise.resolve(true)
      },
      run: (command: string) => {
        this.asked.push(command.includes('kill') ? 'kill' : 'who')
        return this.runs(command)
      },
    }
    return transport as unknown as Transport
  }

  private listen(bind: Address, accept: Accept, name: string) {
    if (bind.kind === 'tcp') {
      if (this.portHolder !== undefined) return Promise.reject(failures.forwardRefused(bind, [], settings))
      this.portHolder = name
      return Promise.resolve({ address: bind, cancel: () => Promise.resolve() })
    }
    if (this.files.has(bind.path)) return Promise.reject(failures.forwardRefused(bind, [], settings))
    const file: File = { isSocket: true, mode: 0o600, uid: this.uid, boundAt: this.now, alive: true, accept }
    this.files.set(bind.path, file)
    const cancel = async () => {
      for (const one of this.files.values()) if (one.accept === accept) one.alive = false
      await turns()
    }
    return Promise.resolve({ address: bind, cancel })
  }
}

describe('StaleListeners', () => {
  let server: FakeServer
  let stale: StaleListeners
  let visitors: Visitor[]
  const accept: Accept = (visitor) => void visitors.push(visitor)

  beforeEach(() => {
    server = new FakeServer()
    stale = new StaleListeners(silentLog)
    visitors = []
  })

  const standing = (file: Partial<File>) =>
    server.files.set(path, { isSocket: true, mode: 0o600, uid: 1000, boundAt: 900, alive: false, ...file })

  describe('a socket that stands in the way', () => {
    const rows: [what: string, file: Partial<File>, change: Partial<FakeServer>, expected: string][] = [
      ['dead, of our user', {}, {}, 'replaced'],
      ['alive', { alive: true }, {}, 'socket-path-taken'],
      ['dead, of another user', { uid: 0 }, {}, 'socket-path-taken'],
      ['no socket at all', { isSocket: false }, {}, 'socket-path-taken'],
      ['alive, and we may not ask', { alive: true }, { letsAsk: false }, 'forward-address-taken'],
      ['dead, and we may not ask', {}, { letsAsk: false }, 'forward-address-taken'],
      ['dead, and there is no SFTP', {}, { hasSftp: false }, 'forward-address-taken'],
    ]
    for (const [what, file, change, expected] of rows) {
      it(`${what}: ${expected}`, async () => {
        standing(file)
        Object.assign(server, change)
        const before = server.files.get(path)
        const opening = stale.forward(server.transport(), unix, accept)
        if (expected === 'replaced') {
          assert.deepEqual((await opening).address, unix)
          assert.deepEqual([...server.files.keys()], [path])
          assert.equal(server.files.get(path)?.mode, 0o660)
          assert.deepEqual(visitors, [], 'our own question is no visitor')
        } else {
          await assert.rejects(opening, { kind: expected })
          assert.deepEqual([...server.files], [[path, before]], 'nothing was touched, nothing was left')
        }
      })
    }

    it('of our own lost session is replaced though it is alive', async () => {
      const lost = server.transport()
      await stale.forward(lost, unix, accept)
      await turns()
      stale.onLost(lost)
      server.now = 2000
      await stale.forward(server.transport(), unix, accept)
      assert.deepEqual(
        server.asked.filter((one) => one.startsWith('replace')),
        [`replace ${path}`],
      )
    })

    it('is left alone when somebody else has put it in the place of ours', async () => {
      const lost = server.transport()
      await stale.forward(lost, unix, accept)
      await turns()
      stale.onLost(lost)
      standing({ alive: true, boundAt: 1500 })
      await assert.rejects(stale.forward(server.transport(), unix, accept), { kind: 'socket-path-taken' })
    })
  })

  it('passes visitors on once it is in place', async () => {
    standing({})
    await stale.forward(server.transport(), unix, accept)
    const stream = new PassThrough()
    server.files.get(path)?.accept?.({ stream, originator: { address: '', port: 0 } })
    assert.deepEqual(
      visitors.map((visitor) => visitor.stream),
      [stream],
    )
  })

  it('removes the socket file with the forward, if it is still ours', async () => {
    const first = await stale.forward(server.transport(), unix, accept)
    await turns()
    await first.cancel()
    assert.deepEqual([...server.files], [])

    const second = await stale.forward(server.transport(), unix, accept)
    await turns()
    standing({ alive: true, boundAt: 5000 })
    await second.cancel()
    assert.equal(server.files.get(path)?.boundAt, 5000)
  })

  it('removes none behind which somebody answers, though it was bound in the same second', async () => {
    const forward = await stale.forward(server.transport(), unix, accept)
    await turns()
    standing({ alive: true, boundAt: server.now })
    await forward.cancel()
    assert.equal(server.files.get(path)?.alive, true)
  })

  it('removes none that it has not seen while it was surely its own', async () => {
    let begin: () => void = () => undefined
    server.sftpBegins = new Promise((resolve) => (begin = resolve))
    const forward = await stale.forward(server.transport(), unix, accept)
    const cancelled = forward.cancel()
    standing({ alive: true, boundAt: 5000 })
    begin()
    await cancelled
    assert.equal(server.files.get(path)?.boundAt, 5000)
  })

  it('ends one before it opens the next at the same path', async () => {
    const transport = server.transport()
    const forward = await stale.forward(transport, unix, accept)
    await turns()
    const cancelled = forward.cancel()
    const again = stale.forward(transport, unix, accept)
    await Promise.all([cancelled, again])
    assert.equal(server.files.get(path)?.alive, true)
    assert.deepEqual(
      server.asked.filter((one) => one.startsWith('replace')),
      [],
    )
  })

  describe('a socket whose place a person wants taken', () => {
    const rows: [what: string, file: Partial<File>, change: Partial<FakeServer>, expected: string][] = [
      ['alive', { alive: true }, {}, 'replaced'],
      ['alive, and we may not ask', { alive: true }, { letsAsk: false }, 'replaced'],
      ['of another user', { alive: true, uid: 0 }, {}, 'socket-path-taken'],
      ['no socket at all', { isSocket: false }, {}, 'socket-path-taken'],
      ['alive, and there is no SFTP', { alive: true }, { hasSftp: false }, 'forward-address-taken'],
    ]
    for (const [what, file, change, expected] of rows) {
      it(`${what}: ${expected}`, async () => {
        standing(file)
        Object.assign(server, change)
        const before = server.files.get(path)
        const opening = stale.forward(server.transport(), unix, accept, { takesOver: true })
        if (expected === 'replaced') {
          await opening
          assert.notEqual(server.files.get(path), before)
          assert.deepEqual([...server.files.keys()], [path])
        } else {
          await assert.rejects(opening, { kind: expected })
          assert.deepEqual([...server.files], [[path, before]], 'nothing was touched, nothing was left')
        }
      })
    }
  })

  describe('a socket that a reverse proxy may not open', () => {
    const directory = (mode: number) =>
      server.files.set('/run/expose', { isSocket: false, mode, uid: 0, boundAt: 1, alive: false })
    const modeOf = () => server.files.get(path)?.mode
    const rows: [what: string, directory: number, before: number, after: number, isChanged: boolean][] = [
      ['in a directory that others cannot enter', 0o750, 0o600, 0o666, true],
      ['in one with the group of the proxy', 0o2750, 0o600, 0o666, true],
      ['in one that anybody may enter', 0o755, 0o600, 0o660, true],
      ['in one that anybody may enter but not read', 0o711, 0o600, 0o660, true],
      ['that is open to the group already', 0o755, 0o660, 0o660, false],
      ['that is open to all already', 0o750, 0o666, 0o666, false],
      ['that is open further than it must be', 0o755, 0o777, 0o777, false],
    ]
    for (const [what, mode, before, after, isChanged] of rows) {
      it(`${what}: 0${before.toString(8)} becomes 0${after.toString(8)}`, async () => {
        directory(mode)
        const transport = server.transport()
        await stale.forward(transport, unix, accept)
        server.files.set(path, { ...server.files.get(path)!, mode: before })
        assert.equal(await stale.openToProxy(transport, path), isChanged)
        assert.equal(modeOf(), after)
      })
    }

    it('is opened each time from then on, and none before', async () => {
      directory(0o750)
      const transport = server.transport()
      const open = async () => {
        const forward = await stale.forward(transport, unix, accept)
        await turns()
        return forward
      }
      const first = await open()
      assert.equal(modeOf(), 0o600)
      await stale.openToProxy(transport, path)
      await first.cancel()
      await open()
      assert.equal(modeOf(), 0o666)
    })

    it('is as open from the start where it took the place of another', async () => {
      directory(0o750)
      standing({})
      await stale.forward(server.transport(), unix, accept)
      assert.equal(modeOf(), 0o666)
    })

    it('stays as it is where it is none, where nothing is, and where there is no SFTP', async () => {
      const transport = server.transport()
      assert.equal(await stale.openToProxy(transport, path), false)
      standing({ isSocket: false })
      assert.equal(await stale.openToProxy(transport, path), false)
      standing({})
      server.hasSftp = false
      assert.equal(await stale.openToProxy(server.transport(), path), false)
      assert.equal(modeOf(), 0o600)
    })
  })

  it('asks a server without SFTP once', async () => {
    server.hasSftp = false
    for (const name of ['a', 'b', 'c']) {
      await stale.forward(server.transport(), { kind: 'unix', path: `/run/${name}.sock` }, accept)
      await turns()
    }
    assert.deepEqual(server.asked, ['sftp'])
  })

  it('leaves every failure as it is that is not about an address that is taken', async () => {
    const disabled = failures.forwardRefused(unix, ['Server has disabled streamlocal forwarding.'], settings)
    const transport = Object.assign(server.transport(), { forward: () => Promise.reject(disabled) })
    await assert.rejects(stale.forward(transport, unix, accept), disabled)
    assert.deepEqual(server.asked, [])
  })

  describe('a port that is taken', () => {
    const session = (command: string) =>
      Promise.resolve(command.includes('kill') ? 'ended\n' : 'a greeting\nexpose-port-session 4711 99\n')

    async function lose(): Promise<void> {
      const lost = server.transport('ours')
      await stale.forward(lost, tcp, accept)
      await turns()
      stale.onLost(lost)
    }

    it('is freed by ending our own lost session', async () => {
      const commands: string[] = []
      server.runs = (command) => {
        commands.push(command)
        if (command.includes('kill')) server.portHolder = undefined
        return session(command)
      }
      await lose()
      await stale.forward(server.transport('new'), tcp, accept)
      assert.equal(server.portHolder, 'new')
      assert.match(commands[1] ?? '', /\[ "\$\(d 4711\)" = "expose-port-session 4711 99" \] && kill 4711 /)
      for (const command of commands) assert.match(command, /^exec sh -c '[^'\n]*'$/)
    })

    it('stays with whoever has it when our session is gone already', async () => {
      server.runs = (command) => (command.includes('kill') ? Promise.resolve('') : session(command))
      await lose()
      await assert.rejects(stale.forward(server.transport(), tcp, accept), { kind: 'forward-address-taken' })
      await assert.rejects(stale.forward(server.transport(), tcp, accept), { kind: 'forward-address-taken' })
      assert.deepEqual(server.asked, ['who', 'kill'], 'and is not asked about again')
    })

    it('is not asked about where we have lost no session', async () => {
      server.portHolder = 'somebody'
      await assert.rejects(stale.forward(server.transport(), tcp, accept), { kind: 'forward-address-taken' })
      assert.deepEqual(server.asked, [])
    })

    for (const printed of [
      '',
      'expose-port-session 1; rm -rf 99',
      'expose-port-session 4711 $(reboot)',
      'x',
    ]) {
      it(`believes no server that says ${JSON.stringify(printed)}`, async () => {
        server.runs = () => Promise.resolve(printed)
        await lose()
        await assert.rejects(stale.forward(server.transport(), tcp, accept), {
          kind: 'forward-address-taken',
        })
        assert.deepEqual(server.asked, ['who'])
      })
    }
  })
})
