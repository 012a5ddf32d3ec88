import assert from 'node:assert/strict'
import type { ListeningPort, ListeningProcess } from '../../../src/ports/listeningPort'
import { rankPorts, type RankingFacts } from '../../../src/ports/ranking'

const at = (port: number, process: Partial<ListeningProcess> = {}): ListeningPort => ({
  port,
  addresses: ['127.0.0.1'],
  process: { pid: port, name: 'node', ...process },
})

function order(ports: readonly ListeningPort[], facts: Partial<RankingFacts> = {}): string[] {
  return rankPorts(ports, { folders: [], ...facts }).map(
    ({ listening, group }) => `${group} ${listening.port}`,
  )
}

describe('rankPorts', () => {
  it('puts what runs in the workspace first, ephemeral and system ports last', () => {
    const ports = [
      { port: 22, addresses: ['0.0.0.0'] },
      at(3000, { folder: '/home/ada/other' }),
      at(8080, { folder: '/home/ada/shop' }),
      at(41234, { folder: '/' }),
      at(5000, { folder: '/home/ada/shop/api' }),
    ]
    assert.deepEqual(order(ports, { folders: ['/home/ada/shop'] }), [
      'workspace 5000',
      'workspace 8080',
      'other 3000',
      'system 22',
      'system 41234',
    ])
  })

  it('does not take a folder for another one whose name it begins', () => {
    const ports = [at(1, { folder: '/home/ada/shop-old' }), at(3001, { folder: '/home/ada/shop-old' })]
    assert.deepEqual(order(ports, { folders: ['/home/ada/shop/'] }), ['other 3001', 'system 1'])
  })

  it('keeps a workspace process on an ephemeral port in the workspace, after those on chosen ports', () => {
    const ports = [at(9229, { folder: '/w' }), at(40000, { folder: '/w' }), at(8000, { folder: '/w' })]
    assert.deepEqual(order(ports, { folders: ['/w'] }), [
      'workspace 8000',
      'workspace 9229',
      'workspace 40000',
    ])
  })

  it('puts the ports of VS Code itself last, though they run in the workspace', () => {
    const ports = [at(3000, { folder: '/w', pid: 7 }), at(4000, { folder: '/elsewhere' })]
    assert.deepEqual(order(ports, { folders: ['/w'], ownPids: [7] }), ['other 4000', 'system 3000'])
  })

  it('knows system programs by name, and lets web servers keep 80 and 443', () => {
    const ports = [at(5000, { name: 'ControlCenter' }), at(7000, { name: 'svchost.exe' }), at(443), at(80)]
    assert.deepEqual(order(ports), ['other 80', 'other 443', 'system 5000', 'system 7000'])
  })

  it('takes the range of ephemeral ports as a fact', () => {
    const ports = [at(20001), at(40000)]
    assert.deepEqual(order(ports, { ephemeral: { first: 20000, last: 29999 } }), [
      'other 40000',
      'system 20001',
    ])
  })

  it('knows a Windows process by the folder in its command line', () => {
    const command =
      '"C:\\Program Files\\nodejs\\node.exe" c:\\Users\\Ada\\Shop\\node_modules\\vite\\bin\\vite.js'
    const ports = [at(3000, { command: command.replace('Shop', 'Shop2') }), at(5173, { command })]
    assert.deepEqual(order(ports, { folders: ['C:\\Users\\Ada\\shop'] }), ['workspace 5173', 'other 3000'])
  })

  it('ranks a port whose process we may not read', () => {
    assert.deepEqual(order([{ port: 8080, addresses: ['::'] }], { folders: ['/w'] }), ['other 8080'])
  })
})
