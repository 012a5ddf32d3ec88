import assert from 'node:assert/strict'
import { parseNetTcpConnections } from '../../../src/ports/getNetTcpConnection'
import { parseLsofFolders, parseLsofListeners } from '../../../src/ports/lsof'
import { parsePsCommands } from '../../../src/ports/macosSource'
import { parseNetstat } from '../../../src/ports/netstat'
import { kindOfLine, parseProcNetTcp } from '../../../src/ports/procNetTcp'
import { fixture } from './fixture'

describe('parseProcNetTcp', () => {
  it('reads the listeners of IPv4, and no other socket', () => {
    assert.deepEqual(parseProcNetTcp(fixture('linux-proc-net-tcp.txt'), 'LE'), [
      { address: '0.0.0.0', port: 5100, inode: '53157' },
      { address: '127.0.0.1', port: 5104, inode: '53162' },
      { address: '0.0.0.0', port: 2024, inode: '1613' },
    ])
  })

  it('reads the listeners of IPv6, v4-mapped ones as IPv4', () => {
    assert.deepEqual(parseProcNetTcp(fixture('linux-proc-net-tcp6.txt'), 'LE'), [
      { address: 'fe80::fc:ff:fe00:1', port: 5103, inode: '53161' },
      { address: 'fd00::2', port: 5102, inode: '53160' },
      { address: '::', port: 5100, inode: '53158' },
      { address: '127.0.0.1', port: 5101, inode: '53159' },
      { address: '::1', port: 5105, inode: '53164' },
    ])
  })

  it('reads addresses in the byte order of the machine', () => {
    const line = (local: string) => `   0: ${local}:0050 00000000:0000 0A 0:0 00:0 0 0 0 77 1\n`
    const v6 = '00000000000000000000000000000001'
    assert.equal(parseProcNetTcp(line('7F000001'), 'BE')[0]?.address, '127.0.0.1')
    assert.equal(parseProcNetTcp(line(v6), 'BE')[0]?.address, '::1')
  })

  it('skips lines it cannot read', () => {
    const good = '   0: 0100007F:13F0 00000000:0000 0A 0:1 00:0 0 0 0 53162 2'
    const bad = ['', 'x', good.replace('0100007F', '0100'), good.replace('53162', 'x'), good.slice(0, 40)]
    assert.equal(parseProcNetTcp([...bad, good, ...bad].join('\n'), 'LE').length, 1)
  })

  it('tells listeners from other sockets by the beginning of their line', () => {
    const [heading = '', ...lines] = fixture('linux-proc-net-tcp6.txt').trimEnd().split('\n')
    assert.equal(kindOfLine(heading), undefined)
    assert.deepEqual(
      lines.map((line) => kindOfLine(line.slice(0, 100))),
      ['listener', 'listener', 'listener', 'listener', 'listener', 'other', 'other'],
    )
    assert.equal(kindOfLine(lines[0]?.slice(0, 60) ?? ''), undefined)
  })
})

describe('parseLsofListeners', () => {
  it('reads real output of lsof: wildcards of both families, a name full of oddities, a forked child', () => {
    const listeners = parseLsofListeners(fixture('linux-lsof-listen.txt'))
    const [parent, child] = [...new Set(listeners.map(({ pid }) => pid))]
    assert.ok(parent && child)
    assert.deepEqual(
      listeners.filter(({ pid }) => pid === parent).map(({ address, port }) => [address, port]),
      [
        ['0.0.0.0', 5100],
        ['::', 5100],
        ['127.0.0.1', 5101],
        ['fd00::2', 5102],
        ['fe80::fc:ff:fe00:1', 5103],
        ['127.0.0.1', 5104],
        ['::1', 5105],
      ],
    )
    assert.ok(listeners.every(({ name }) => name === 'Code H (é)\\x'))
    assert.ok(listeners.filter(({ pid }) => pid === child).every(({ parentPid }) => parentPid === parent))
  })

  it('reads what macOS prints', () => {
    const listeners = parseLsofListeners(fixture('macos-lsof-listen.txt'))
    assert.deepEqual(listeners[0], {
      pid: 412,
      parentPid: 1,
      name: 'rapportd',
      address: '0.0.0.0',
      port: 49152,
    })
    assert.equal(listeners.find(({ pid }) => pid === 5120)?.name, 'Code Helper (Plugin)')
    assert.deepEqual(
      listeners.filter(({ port }) => port === 5173).map(({ address, pid }) => [address, pid]),
      [['::1', 7731]],
    )
    assert.equal(listeners.length, 13)
  })

  it('skips what it cannot read', () => {
    assert.deepEqual(parseLsofListeners('n*:80\np12\ncx\nf3\ntIPv4\nnnonsense\nf4\ntsock\nn*:81\n\n'), [])
  })

  it('reads working folders, however they are named', () => {
    assert.deepEqual(
      [...parseLsofFolders(fixture('linux-lsof-cwd.txt')).values()],
      ['/tmp/ports/dir with space \\ back é\nnl'],
    )
    assert.equal(parseLsofFolders(fixture('macos-lsof-cwd.txt')).get(7744), '/Users/ada/Projects/café')
  })

  it('reads the command lines of ps', () => {
    const commands = parsePsCommands(fixture('macos-ps.txt'))
    assert.equal(commands.get(412), '/usr/libexec/rapportd')
    assert.equal(commands.get(7731), 'node /Users/ada/Projects/shop front/node_modules/.bin/vite --port 5173')
  })
})

describe('parseNetTcpConnections', () => {
  it('joins sockets with their processes', () => {
    const sockets = parseNetTcpConnections(fixture('windows-powershell.json'))
    assert.ok(sockets?.length === 10)
    const command = '"C:\\Program Files\\nodejs\\node.exe" --inspect "C:\\Users\\Zoë\\shop front\\server.js"'
    assert.deepEqual(
      sockets.filter(({ port }) => port === 3000),
      ['::', '0.0.0.0'].map((address) => ({
        address,
        port: 3000,
        parentPid: 17204,
        process: { pid: 18320, name: 'node.exe', command },
      })),
    )
  })

  it('takes the path for a command line that Windows hides, and none where it hides both', () => {
    const sockets = parseNetTcpConnections(fixture('windows-powershell.json'))
    const processAt = (port: number) => sockets?.find((socket) => socket.port === port)?.process
    assert.equal(processAt(8080)?.command, 'C:\\Program Files\\Java\\bin\\java.exe')
    assert.deepEqual(processAt(445), { pid: 4, name: 'System' })
    assert.equal(sockets?.find(({ port }) => port === 8080)?.address, 'fe80::8c1d:22ff:fe90:1')
  })

  it('reads a single row that PowerShell wrote as an object, and arrays it wrapped', () => {
    assert.equal(parseNetTcpConnections(fixture('windows-powershell-single.json'))?.[0]?.process?.pid, 18320)
    assert.equal(parseNetTcpConnections(fixture('windows-powershell-wrapped.json'))?.[1]?.process?.pid, 18320)
  })

  it('does not take anything else for an answer', () => {
    for (const text of ['', 'null', '[]', '{}', 'Get-NetTCPConnection : The term is not recognized']) {
      assert.equal(parseNetTcpConnections(text), undefined, text)
    }
    const rows = '[null, 3, {"LocalPort":80}, {"LocalAddress":"x","LocalPort":80}]'
    assert.deepEqual(parseNetTcpConnections(`{"sockets":${rows}}`), [])
  })
})

describe('parseNetstat', () => {
  const expected = [
    { address: '0.0.0.0', port: 135, pid: 1284 },
    { address: '0.0.0.0', port: 445, pid: 4 },
    { address: '0.0.0.0', port: 3000, pid: 18320 },
    { address: '0.0.0.0', port: 49664, pid: 964 },
    { address: '::', port: 135, pid: 1284 },
    { address: '::', port: 445, pid: 4 },
    { address: '::', port: 3000, pid: 18320 },
    { address: '::1', port: 5173, pid: 21544 },
    { address: 'fe80::8c1d:22ff:fe90:1', port: 8080, pid: 30100 },
  ]

  it('reads the listeners, and neither connections nor UDP', () => {
    assert.deepEqual(parseNetstat(fixture('windows-netstat.txt')), expected)
  })

  it('reads them on a German Windows, in whatever code page', () => {
    assert.deepEqual(parseNetstat(fixture('windows-netstat-german.txt', 'utf8')), expected)
    assert.deepEqual(parseNetstat(fixture('windows-netstat-german.txt', 'latin1')), expected)
  })
})
