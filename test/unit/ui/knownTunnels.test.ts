import assert from 'node:assert/strict'
import { KnownTunnels, type KnownTunnel } from '../../../src/ui/knownTunnels'
import { captured } from '../http/captured'

describe('the tunnels that the inspector knows', () => {
  const numbers = { visitorsNow: 0, requests: 0, errors: 0, bytesIn: 0, bytesOut: 0, latencyMs: undefined }
  const tunnel = (id: number, port: number): KnownTunnel => ({
    ...{ id, numbers, title: `https://${id}.example` },
    app: { host: 'localhost', port },
  })
  let open: KnownTunnel[]
  let requests: number[]
  const known = () =>
    new KnownTunnels(
      {
        get all() {
          return open
        },
      },
      {
        get all() {
          return requests.map((tunnelId) => captured({}, {}, { tunnelId }))
        },
      },
    )

  it('are those that are open, and closed ones while requests of theirs are kept', () => {
    open = [tunnel(1, 3000), tunnel(2, 4000)]
    requests = [1]
    const tunnels = known()
    const seen = () => tunnels.all.map(({ id, app, isOpen }) => [id, app, isOpen])
    assert.deepEqual(seen(), [
      [1, '3000', true],
      [2, '4000', true],
    ])
    open = []
    assert.deepEqual(seen(), [[1, '3000', false]])
    requests = []
    assert.deepEqual(seen(), [])
  })
})
