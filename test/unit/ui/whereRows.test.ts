import assert from 'node:assert/strict'
import { readServers } from '../../../src/servers/validation'
import { whoCanRead } from '../../../src/servers/visibility'
import { rowsToAdd, rowsToExpose, rowsToLogIn } from '../../../src/ui/whereRows'

describe('where something can be public', () => {
  const hosts = ['my-vps', 'pi']
  const { profiles } = readServers({
    vps: { ssh: 'me@dev.example.com', bind: '127.0.0.1:80', publicUrl: 'https://dev.example.com' },
    gateway: { ssh: 'expose@gate.example.com' },
    free: { service: 'localhost.run' },
  })
  const kinds = (rows: ReturnType<typeof rowsToAdd>) => rows.map(({ where }) => where.kind)

  it('is, with no server yet, what could become one, at once', () =>
    assert.deepEqual(kinds(rowsToExpose([], hosts)), [
      'host',
      'host',
      'destination',
      'service',
      'this machine',
    ]))

  it('is, with servers, those first', () =>
    assert.deepEqual(kinds(rowsToExpose(profiles, hosts)), [
      'server',
      'server',
      'server',
      'add',
      'service',
      'this machine',
    ]))

  it('is neither this machine nor another server where one is added', () =>
    assert.deepEqual(kinds(rowsToAdd(hosts)), ['host', 'host', 'destination', 'service']))

  it('is where one can log in, to prepare a server', () =>
    assert.deepEqual(kinds(rowsToLogIn(hosts)), ['host', 'host', 'destination']))

  it('says of each server its URL, or who can read where the URL is not known', () =>
    assert.deepEqual(
      rowsToExpose(profiles, []).flatMap(({ where, detail }) => (where.kind === 'server' ? [detail] : [])),
      ['https://dev.example.com', ...profiles.slice(1).map(whoCanRead)],
    ))
})
