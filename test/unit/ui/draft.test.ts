import assert from 'node:assert/strict'
import type { Draft } from '../../../src/http/inspectorMessages'
import { applyEdited, draftOf } from '../../../src/ui/draft'
import { editedOf } from '../../../src/webview/edited'
import { body, captured } from '../http/captured'

describe('a captured request as a form', () => {
  const original = captured({
    method: 'POST',
    target: '/hook?token=s3cret&a=1',
    fields: [
      ['Host', 'app.example.com'],
      ['Authorization', 'Bearer s3cret'],
      ['X-Hub-Signature-256', 'sha256=00'],
      ['Content-Type', 'text/plain'],
      ['Content-Length', '12'],
    ],
    body: body('line\r\nline\r\n'),
  })

  /** As the page sends it back after a person has changed it. */
  async function sent(change: (draft: Draft) => Draft, secrets: 'masked' | 'shown' = 'masked') {
    const draft = structuredClone(await draftOf(original, secrets))
    return applyEdited(editedOf(change(draft)), original)
  }

  it('comes back as it was when nothing is changed, byte for byte', async () => {
    const result = await sent((draft) => draft)
    assert.ok(result.kind === 'edited')
    const { method, target, fields } = original.request
    assert.deepEqual(
      [result.request.method, result.request.target, result.request.fields],
      [method, target, fields],
    )
    assert.deepEqual(Buffer.from(result.request.body), Buffer.from(original.request.body.bytes))
  })

  it('has no secret in it, and sends the secret when it is left as it is', async () => {
    const draft = await draftOf(original, 'masked')
    assert.doesNotMatch(JSON.stringify(draft), /s3cret/)
    assert.equal(draft.signature, 'X-Hub-Signature-256')
    const renamed = await sent((one) => ({
      ...one,
      fields: one.fields.map((field) => (field.isMasked ? { ...field, name: 'X-Authorization' } : field)),
    }))
    assert.ok(renamed.kind === 'edited')
    assert.deepEqual(renamed.request.fields[1], ['X-Authorization', 'Bearer s3cret'])
  })

  it('sends what was changed, with the line ends of the original and its new length', async () => {
    const result = await sent((draft) => ({
      ...draft,
      method: ' PUT ',
      target: '/other',
      fields: [...draft.fields.filter(({ name }) => name !== 'X-Hub-Signature-256')].map((field) =>
        field.isMasked ? { ...field, value: 'Basic eA==', isMasked: false } : field,
      ),
      body: { as: 'text', text: 'one\ntwo\n' },
    }))
    assert.ok(result.kind === 'edited')
    const { method, target, fields, body: bytes } = result.request
    assert.deepEqual([method, target, Buffer.from(bytes).toString()], ['PUT', '/other', 'one\r\ntwo\r\n'])
    assert.deepEqual(fields, [
      ['Host', 'app.example.com'],
      ['Authorization', 'Basic eA=='],
      ['Content-Type', 'text/plain'],
      ['Content-Length', '10'],
    ])
  })

  it('sends no mask as if it were a value', async () => {
    const result = await sent((draft) => ({ ...draft, target: draft.target.replace('a=1', 'a=2') }))
    assert.ok(result.kind === 'problems')
    assert.match(result.problems[0]?.message ?? '', /masked value/)
    const open = await sent((draft) => ({ ...draft, target: draft.target.replace('a=1', 'a=2') }), 'shown')
    assert.ok(open.kind === 'edited' && open.request.target === '/hook?token=s3cret&a=2')
  })

  const bodies: [what: string, content: string | Uint8Array, type: string, as: Draft['body']][] = [
    ['text', 'hi', 'text/plain', { as: 'text', text: 'hi' }],
    ['bytes', Uint8Array.of(0, 255), 'image/png', { as: 'base64', text: 'AP8=' }],
    ['secrets', '{"password":"s3cret"}', 'application/json', { as: 'unchanged', size: 21, isHidden: true }],
    ['very long', 'x'.repeat(600_000), 'text/plain', { as: 'unchanged', size: 600_000, isHidden: false }],
  ]
  for (const [what, content, type, as] of bodies) {
    it(`has a body of ${what} as ${as.as}, and sends the same bytes`, async () => {
      const exchange = captured({ method: 'POST', fields: [['Content-Type', type]], body: body(content) })
      const draft = await draftOf(exchange, 'masked')
      assert.deepEqual(draft.body, as)
      const result = await applyEdited(editedOf(draft), exchange)
      assert.ok(result.kind === 'edited')
      assert.deepEqual(Buffer.from(result.request.body), Buffer.from(content))
    })
  }
})
