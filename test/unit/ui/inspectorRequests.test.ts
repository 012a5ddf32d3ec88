import assert from 'node:assert/strict'
import type { FromInspector } from '../../../src/http/inspectorMessages'
import { readInspectorRequest } from '../../../src/ui/inspectorRequests'

describe('what the inspector’s page asks for', () => {
  const edited = {
    of: 1,
    method: 'POST',
    target: '/',
    fields: [
      { name: 'A', value: 'b' },
      { name: 'C', value: { ofField: 0 } },
    ],
    body: { as: 'text', text: '{}' },
    resign: true,
  } as const
  const right: FromInspector[] = [
    { kind: 'ready' },
    { kind: 'select', id: 3 },
    { kind: 'select' },
    { kind: 'show secrets', id: 3, isShown: true },
    { kind: 'replay', id: 3 },
    { kind: 'replay often', id: 3 },
    { kind: 'edit', id: 3 },
    { kind: 'replay edited', edited },
    { kind: 'replay edited', edited: { ...edited, body: { as: 'unchanged' } } },
    { kind: 'copy cURL', id: 3 },
    { kind: 'copy .http', id: 3 },
    { kind: 'save HAR', ids: [1, 2] },
    { kind: 'import HAR' },
    { kind: 'open body', id: 3, of: 'response' },
    { kind: 'clear' },
    { kind: 'clear', tunnelId: 2 },
    { kind: 'pause', isPaused: true },
    { kind: 'copy URL', tunnelId: 2 },
    { kind: 'expose' },
    { kind: 'test event', tunnelId: 2 },
    { kind: 'test event' },
  ]
  for (const request of right) {
    it(`is read: ${JSON.stringify(request)}`, () => assert.deepEqual(readInspectorRequest(request), request))
  }

  it('is read where undefined stands for what is not there', () => {
    const request = { kind: 'select', id: undefined }
    assert.equal(readInspectorRequest(request)?.kind, 'select')
  })

  const wrong: unknown[] = [
    undefined,
    null,
    'replay',
    {},
    { kind: 'run', command: 'rm -rf /' },
    { kind: 'replay' },
    { kind: 'replay', id: '3' },
    { kind: 'replay', id: -1 },
    { kind: 'replay', id: 1.5 },
    { kind: 'replay', id: 3, command: 'x' },
    { kind: 'save HAR', ids: 'all' },
    { kind: 'open body', id: 3, of: '../../etc/passwd' },
    { kind: 'replay edited', edited: { ...edited, fields: [['A', 'b']] } },
    { kind: 'replay edited', edited: { ...edited, body: { as: 'file', text: '/etc/passwd' } } },
  ]
  for (const message of wrong) {
    it(`is not read: ${JSON.stringify(message)}`, () =>
      assert.equal(readInspectorRequest(message), undefined))
  }
})
