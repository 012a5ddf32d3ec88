import assert from 'node:assert/strict'
import type { RankedPort } from '../../../../src/ports/ranking'
import { portItems, portsUnreadable } from '../../../../src/ui/views/portItems'
import { shownTunnel, url } from './tunnel'

const listening = (port: number, group: RankedPort['group']): RankedPort => ({
  listening: {
    ...{ port, addresses: ['127.0.0.1'] },
    process: { pid: 4711, name: 'node', command: 'node node_modules/.bin/vite', folder: '/home/me/my-app' },
  },
  group,
})
const nobodys: RankedPort = { listening: { port: 2024, addresses: ['::'] }, group: 'other' }

describe('the rows of the view Ports', () => {
  it('are none where nothing listens, so that the welcome shows', () =>
    assert.deepEqual(portItems([], [shownTunnel()]), []))

  it('stand in groups, in the order of the ranking; the system’s own are folded', () => {
    const ranked = [
      listening(3000, 'workspace'),
      listening(5173, 'workspace'),
      nobodys,
      listening(22, 'system'),
    ]
    assert.deepEqual(
      portItems(ranked, []).map(({ label, isUnfolded, children }) => [
        label,
        isUnfolded,
        children?.map((child) => child.label),
      ]),
      [
        ['This workspace', true, ['3000', '5173']],
        ['Other', true, ['2024']],
        ['System', false, ['22']],
      ],
    )
    assert.deepEqual(
      portItems([nobodys], []).map(({ label }) => label),
      ['Other'],
      'without groups that are empty',
    )
  })

  const row = (port: RankedPort, tunnels = [] as Parameters<typeof portItems>[1]) =>
    portItems([port], tunnels)[0]?.children?.[0] ?? assert.fail()

  it('say what listens there, and offer to expose it', () => {
    const { tooltip, ...rest } = row(listening(3000, 'other'))
    assert.deepEqual(rest, {
      ...{ id: 'port:3000', label: '3000', port: 3000, description: 'vite · my-app', icon: 'plug' },
      ...{ spoken: 'Port 3000, vite · my-app', contextValue: 'port' },
    })
    assert.match(
      tooltip ?? '',
      /^\*\*3000\*\* vite · my-app\n\npid 4711 · \/home\/me\/my-app · 127\.0\.0\.1$/,
    )
    assert.deepEqual(
      [row(nobodys).description, row(nobodys).spoken, row(nobodys).tooltip],
      ['', 'Port 2024', '**2024**\n\n::'],
    )
  })

  it('show the URL of one that is public, and offer what its tunnel can do', () => {
    const exposed = row(listening(3000, 'other'), [shownTunnel()])
    assert.deepEqual(
      [exposed.description, exposed.icon, exposed.contextValue, exposed.tunnelId],
      ['→ my-app-3000.dev.example.com · vite · my-app', 'globe', 'exposedPort', 7],
    )
    assert.equal(exposed.spoken, `Port 3000, vite · my-app, public at ${url}`)
    assert.ok(exposed.tooltip?.includes(`Public at ${url}`), exposed.tooltip)
    const silent = { ...nobodys, listening: { ...nobodys.listening, port: 3000 } }
    assert.equal(row(silent, [shownTunnel()]).description, '→ my-app-3000.dev.example.com')
  })

  it('know the latest of several tunnels, and none that leads to another machine', () => {
    const elsewhere = shownTunnel({ id: 9, app: { host: 'db.lan', port: 3000, protocol: 'tcp' } })
    const later = shownTunnel({ id: 8 })
    assert.equal(row(listening(3000, 'other'), [shownTunnel(), later, elsewhere]).tunnelId, 8)
    assert.equal(row(listening(3000, 'other'), [elsewhere]).contextValue, 'port')
    assert.equal(row(listening(3001, 'other'), [shownTunnel()]).contextValue, 'port')
  })

  it('stay the same row when they change', () => {
    const before = row(listening(3000, 'other'))
    assert.equal(row(listening(3000, 'other'), [shownTunnel()]).id, before.id)
    assert.equal(row(listening(3000, 'workspace')).id, before.id)
  })

  it('say so where the system does not tell', () => {
    const [only, ...more] = portsUnreadable('ss did not answer.')
    assert.deepEqual([only?.label, only?.icon, more], ['ss did not answer.', 'warning', []])
  })

  it('make nothing of what a program calls itself', () => {
    const evil = listening(3000, 'other')
    const process = { pid: 1, name: '[x](command:evil)', folder: '/a/<b>' }
    const { tooltip } = row({ ...evil, listening: { ...evil.listening, process } })
    assert.doesNotMatch(tooltip ?? '', /(?<!\\)[[<]/)
  })
})
