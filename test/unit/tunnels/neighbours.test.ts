import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Neighbours, type Neighbour } from '../../../src/tunnels/neighbours'
import { CollectedLog } from '../../support/collectedLog'

describe('Neighbours', () => {
  let parent: string
  let directory: string
  let log: CollectedLog
  /** A process that stands for another window. */
  let other: ChildProcess

  before(() => {
    other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' })
  })
  after(async () => {
    other.kill('SIGKILL')
    await once(other, 'exit')
  })
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'neighbours-'))
    directory = join(parent, 'storage', 'windows')
    log = new CollectedLog()
  })
  afterEach(() => rmSync(parent, { recursive: true, force: true }))

  const windowOf = (window: string, pid?: number) =>
    new Neighbours({ directory, window, log, ...(pid === undefined ? {} : { pid }) })
  const tunnel: Omit<Neighbour, 'window'> = {
    ssh: 'me@vps',
    address: '/run/expose/bot.sock',
    port: 3000,
    publicUrl: 'https://bot.dev.example.com',
    since: 1,
  }
  const holder = (window: Neighbours) => window.holderOf('me@vps', '/run/expose/bot.sock')
  /** What nobody wrote who follows the rules. */
  const leave = (name: string, text: string) => {
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  const fileOf = (pid: number | undefined) => join(directory, `${pid}.json`)

  it('names the window that has an address on a server, and no other', async () => {
    const mine = windowOf('my-app')
    const theirs = windowOf('their-app', other.pid)
    assert.equal(await holder(mine), undefined)
    await theirs.publish([{ ...tunnel, address: '127.0.0.1:8080', port: 1 }, tunnel])
    assert.deepEqual(await holder(mine), { ...tunnel, window: 'their-app' })
    assert.equal((await mine.holderOf('me@vps', '127.0.0.1:8080'))?.port, 1)
    assert.equal(await mine.holderOf('me@other', '/run/expose/bot.sock'), undefined)
    assert.equal(await mine.holderOf('me@vps', '/run/expose/other.sock'), undefined)
    assert.equal(await holder(theirs), undefined, 'what is its own is no neighbour’s')
  })

  it('names the window that is public at a URL, whatever the path, and no other', async () => {
    const mine = windowOf('my-app')
    const theirs = windowOf('their-app', other.pid)
    await theirs.publish([{ ...tunnel, publicUrl: 'not a URL' }, tunnel])
    assert.equal((await mine.holderOfUrl('https://bot.dev.example.com/webhook?a'))?.window, 'their-app')
    assert.equal(await mine.holderOfUrl('https://bot.dev.example.com:8443/webhook'), undefined)
    assert.equal(await mine.holderOfUrl('https://other.dev.example.com/webhook'), undefined)
    assert.equal(await theirs.holderOfUrl('https://bot.dev.example.com/'), undefined)
  })

  it('tells of what is open now, and leaves no file once nothing is', async () => {
    const mine = windowOf('my-app')
    const theirs = windowOf('their-app', other.pid)
    await theirs.publish([tunnel])
    await theirs.publish([{ ...tunnel, address: '/run/expose/next.sock' }])
    assert.equal(await holder(mine), undefined)
    assert.ok(await mine.holderOf('me@vps', '/run/expose/next.sock'))
    await theirs.publish([])
    assert.equal(await mine.holderOf('me@vps', '/run/expose/next.sock'), undefined)
    assert.deepEqual(readdirSync(directory), [])
    await theirs.publish([tunnel])
    assert.ok(await holder(mine), 'and tells again')
    theirs.dispose()
    await theirs.publish([])
    assert.deepEqual(readdirSync(directory), [])
  })

  it('writes the last of many changes, whatever order the disk has', async () => {
    const mine = windowOf('my-app')
    const theirs = windowOf('their-app', other.pid)
    const changes = Array.from({ length: 20 }, (_, port) =>
      theirs.publish(port % 3 ? [{ ...tunnel, port }] : []),
    )
    await Promise.all(changes)
    assert.equal((await holder(mine))?.port, 19)
    assert.deepEqual(readdirSync(directory), [`${other.pid}.json`])
    await Promise.all([theirs.publish([tunnel]), theirs.publish([])])
    assert.deepEqual(readdirSync(directory), [])
  })

  it('does nothing for a window that never opened a tunnel', async () => {
    await windowOf('my-app').publish([])
    assert.ok(!existsSync(directory))
  })

  it('removes what a window left that has ended, and keeps that of one that runs', async () => {
    const ended = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
    await once(ended, 'exit')
    await windowOf('dead', ended.pid).publish([tunnel])
    await windowOf('alive', other.pid).publish([{ ...tunnel, address: '127.0.0.1:1' }])
    assert.equal(await holder(windowOf('my-app')), undefined)
    assert.deepEqual(readdirSync(directory), [`${other.pid}.json`])
  })

  // Windows has neither such modes nor a process 1.
  if (process.platform !== 'win32') {
    it('is for this user alone', async () => {
      await windowOf('my-app').publish([tunnel])
      assert.equal(statSync(directory).mode & 0o777, 0o700)
      assert.equal(statSync(fileOf(process.pid)).mode & 0o777, 0o600)
    })

    it('takes a window for alive that runs as somebody else', async () => {
      await windowOf('their-app', 1).publish([tunnel])
      assert.equal((await holder(windowOf('my-app')))?.window, 'their-app')
    })
  }

  const rubbish: [what: string, text: string][] = [
    ['half of a list', JSON.stringify([{ ...tunnel, window: 'w' }]).slice(0, -10)],
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['no list', JSON.stringify({ ...tunnel, window: 'w' })],
    ['a list of something else', JSON.stringify([42, null])],
    ['an entry without its window', JSON.stringify([tunnel])],
    ['an entry with a wrong type', JSON.stringify([{ ...tunnel, window: 'w', port: '3000' }])],
    ['zeros', '\0'.repeat(100)],
  ]
  for (const [what, text] of rubbish) {
    it(`ignores a file with ${what}`, async () => {
      leave(`${other.pid}.json`, text)
      assert.equal(await holder(windowOf('my-app')), undefined)
      // It is another window's: only that one may remove it, and it writes it anew.
      assert.ok(existsSync(fileOf(other.pid)))
      await windowOf('their-app', other.pid).publish([tunnel])
      assert.equal((await holder(windowOf('my-app')))?.window, 'their-app')
    })
  }

  it('neither reads nor removes what is not one of its files', async () => {
    const text = JSON.stringify([{ ...tunnel, window: 'w' }])
    const names = [
      'notes.json',
      `${other.pid}.json.new`,
      `${other.pid}.txt`,
      `x${other.pid}.json`,
      '-1.json',
      '1e3.json',
    ]
    for (const name of names) leave(name, text)
    mkdirSync(fileOf(other.pid))
    assert.equal(await holder(windowOf('my-app')), undefined)
    assert.deepEqual(readdirSync(directory).sort(), [...names, `${other.pid}.json`].sort())
  })

  it('says in the log that others are not told, and throws nothing, where it cannot write', async () => {
    mkdirSync(parent, { recursive: true })
    // A file where the folder should be stops even root.
    writeFileSync(join(parent, 'storage'), 'not a folder')
    const mine = windowOf('my-app')
    await mine.publish([tunnel])
    assert.match(log.text, /debug other windows are not told of the open tunnels: .*(ENOTDIR|EEXIST)/)
    assert.equal(await holder(mine), undefined)
    await mine.publish([])
    mine.dispose()
  })

  it('tells again once the folder can be written', async () => {
    writeFileSync(join(parent, 'storage'), 'not a folder')
    const theirs = windowOf('their-app', other.pid)
    await theirs.publish([tunnel])
    rmSync(join(parent, 'storage'))
    await theirs.publish([tunnel, { ...tunnel, address: '127.0.0.1:1' }])
    assert.equal((await holder(windowOf('my-app')))?.window, 'their-app')
  })
})
