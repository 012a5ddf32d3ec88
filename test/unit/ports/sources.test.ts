import assert from 'node:assert/strict'
import { Failure } from '../../../src/base/failure'
import { silentLog } from '../../../src/base/log'
import { listenersAsJson } from '../../../src/ports/getNetTcpConnection'
import { LinuxSource } from '../../../src/ports/linuxSource'
import { MacosSource } from '../../../src/ports/macosSource'
import type { RunProgram } from '../../../src/ports/runProgram'
import { portSourceFor } from '../../../src/ports/sources'
import { WindowsSource } from '../../../src/ports/windowsSource'
import { fixture } from './fixture'

/** Answers for the OS: by the first program name that the asked file ends in and an argument it has. */
function answers(table: Partial<Record<string, string | Error>>): {
  run: RunProgram
  asked: string[]
  table: typeof table
} {
  const asked: string[] = []
  const run: RunProgram = (file, args) => {
    const key = Object.keys(table).find((name) => `${file} ${args.join(' ')}`.includes(name))
    const answer = table[key ?? ''] ?? new Error(`spawn ${file} ENOENT`)
    asked.push(key ?? file)
    if (answer instanceof Error) return Promise.reject(answer)
    return Promise.resolve({ stdout: answer, exitCode: answer === '' ? 1 : 0 })
  }
  return { run, asked, table }
}

describe('portSourceFor', () => {
  it('knows each OS', () => {
    assert.ok(portSourceFor('linux', silentLog) instanceof LinuxSource)
    assert.ok(portSourceFor('darwin', silentLog) instanceof MacosSource)
    assert.ok(portSourceFor('win32', silentLog) instanceof WindowsSource)
  })
})

describe('MacosSource', () => {
  const macos = () =>
    answers({
      '-iTCP': fixture('macos-lsof-listen.txt'),
      'ps -ww': fixture('macos-ps.txt'),
      '-d cwd': fixture('macos-lsof-cwd.txt'),
    })

  it('joins sockets, command lines and folders, and names the server of a worker', async () => {
    const ports = await new MacosSource(macos().run).list()
    assert.deepEqual(
      ports.map(({ port }) => port),
      [3000, 5000, 5173, 7000, 8081, 49152, 59412],
    )
    assert.deepEqual(ports[0], {
      port: 3000,
      addresses: ['127.0.0.1', '::1'],
      process: {
        pid: 7744,
        name: 'ruby',
        command: 'puma 6.4.2 (tcp://localhost:3000) [café]',
        folder: '/Users/ada/Projects/café',
      },
    })
    assert.deepEqual(ports[4], {
      port: 8081,
      addresses: ['::'],
      process: { pid: 2210, name: 'com.docker.backend' },
    })
  })

  it('asks about processes only when the sockets changed', async () => {
    const { run, asked, table } = macos()
    const source = new MacosSource(run)
    const first = await source.list()
    assert.equal(await source.list(), first)
    assert.deepEqual(asked, ['-iTCP', 'ps -ww', '-d cwd', '-iTCP'])
    table['-iTCP'] = ''
    assert.deepEqual(await source.list(), [])
    assert.equal(asked.length, 5)
  })

  it('says so when lsof cannot be run', async () => {
    await assert.rejects(new MacosSource(answers({}).run).list(), (error) => {
      return (
        error instanceof Failure &&
        error.kind === 'ports-unreadable' &&
        error.said?.includes('ENOENT') === true
      )
    })
  })
})

describe('WindowsSource', () => {
  const windows = () =>
    answers({
      'netstat.exe -ano': fixture('windows-netstat.txt'),
      'powershell.exe': fixture('windows-powershell.json'),
    })
  const netstatPorts = [135, 445, 3000, 5173, 8080, 49664]

  it('lists what PowerShell tells, and asks it again only when netstat says something new', async () => {
    const { run, asked, table } = windows()
    const source = new WindowsSource(run, silentLog, 'C:\\Windows')
    const ports = await source.list()
    assert.deepEqual(
      ports.map(({ port }) => port),
      [135, 139, 445, 3000, 5173, 8080, 9229, 49664],
    )
    assert.ok(ports[3])
    assert.equal(ports[3].process?.name, 'node.exe')
    assert.deepEqual(ports[3].addresses, ['0.0.0.0', '::'])
    assert.equal(await source.list(), ports)
    // A new connection is nothing new about listeners.
    table['netstat.exe -ano'] =
      fixture('windows-netstat.txt') +
      '  TCP    127.0.0.1:9999         127.0.0.1:3000         ESTABLISHED     1\r\n'
    assert.equal(await source.list(), ports)
    assert.equal(asked.filter((program) => program === 'powershell.exe').length, 1)
    table['netstat.exe -ano'] = fixture('windows-netstat.txt').replaceAll('18320', '18321')
    await source.list()
    assert.equal(asked.filter((program) => program === 'powershell.exe').length, 2)
  })

  it('falls back on netstat where PowerShell is forbidden, and stops trying', async () => {
    const { run, asked, table } = windows()
    table['powershell.exe'] = new Error('This program is blocked by group policy')
    const source = new WindowsSource(run, silentLog, 'C:\\Windows')
    for (let time = 0; time < 6; time++) {
      const ports = await source.list()
      assert.deepEqual(
        ports.map(({ port }) => port),
        netstatPorts,
      )
      assert.ok(ports.every(({ process }) => process === undefined))
      table['netstat.exe -ano'] = fixture('windows-netstat.txt').replaceAll('18320', `1832${time}`)
    }
    assert.equal(asked.filter((program) => program === 'powershell.exe').length, 3)
  })

  it('does without netstat while PowerShell answers, and says so when neither does', async () => {
    const { run, table } = windows()
    table['netstat.exe -ano'] = undefined
    const source = new WindowsSource(run, silentLog, 'C:\\Windows')
    assert.equal((await source.list()).length, 8)
    table['powershell.exe'] = undefined
    await assert.rejects(
      source.list(),
      (error) => error instanceof Failure && error.kind === 'ports-unreadable',
    )
  })

  it('runs a script that survives quoting: one line, no double quotes', () => {
    assert.doesNotMatch(listenersAsJson, /["\n]/)
  })
})
