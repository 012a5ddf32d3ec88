import assert from 'node:assert/strict'
import { newServerId } from '../../../src/servers/serverId'

describe('newServerId', () => {
  const rows: [entry: object, taken: string[], id: string][] = [
    [{ ssh: 'deploy@dev.example.com:2222' }, [], 'dev.example.com'],
    [{ ssh: 'Dev.Example.com' }, ['dev.example.com'], 'dev.example.com-2'],
    [{ ssh: 'dev' }, ['dev', 'dev-2', 'dev-4'], 'dev-3'],
    [{ ssh: 'ssh://a@[2001:db8::1]:22' }, [], '2001:db8::1'],
    [{ service: 'localhost.run' }, [], 'localhost.run'],
    [{ service: 'pinggy', ssh: 'token@pro.pinggy.io' }, ['pinggy'], 'pinggy-2'],
    [{ service: { sish: 'me@my.sish.host:2222' } }, [], 'my.sish.host'],
    [{ ssh: 'dev', bind: 'not right yet' }, [], 'dev'],
    [{}, ['server'], 'server-2'],
    [{ ssh: 1 }, [], 'server'],
  ]
  for (const [entry, taken, id] of rows) {
    it(`is ${id} for ${JSON.stringify(entry)}`, () => assert.equal(newServerId(entry, taken), id))
  }
})
