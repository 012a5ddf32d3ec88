import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import type { CapturedResponse } from '../../../../src/http/capturedExchange'
import { compareAnswers } from '../../../../src/http/compare/compareAnswers'
import { compareLines } from '../../../../src/http/compare/compareLines'
import { random } from '../../servers/random'
import { body, captured } from '../captured'

function answer(changes: Partial<CapturedResponse>): CapturedResponse {
  const { response } = captured({}, changes)
  assert.ok(response)
  return response
}

const json: Pick<CapturedResponse, 'fields'> = { fields: [['Content-Type', 'application/json']] }

describe('compareAnswers', () => {
  it('puts status and fields side by side', async () => {
    const before = answer({
      fields: [
        ['A', '1'],
        ['Set-Cookie', 'a=1'],
        ['set-cookie', 'b=1'],
        ['Gone', 'x'],
      ],
    })
    const after = answer({
      status: 404,
      reason: '',
      fields: [
        ['New', 'y'],
        ['SET-COOKIE', 'a=2'],
        ['a', '1'],
      ],
    })
    const { status, fields, body: bodies } = await compareAnswers(before, after)
    assert.deepEqual(status, { before: '200 OK', after: '404', isSame: false })
    assert.deepEqual(fields, [
      { kind: 'same', name: 'A', before: '1', after: '1' },
      { kind: 'changed', name: 'Set-Cookie', before: 'a=•••', after: 'a=•••' },
      { kind: 'removed', name: 'Set-Cookie', before: 'b=•••', after: undefined },
      { kind: 'removed', name: 'Gone', before: 'x', after: undefined },
      { kind: 'added', name: 'New', before: undefined, after: 'y' },
    ])
    assert.deepEqual(bodies, { kind: 'same', size: 0 })
  })

  for (const [name, before, after, expected] of [
    [
      'JSON as it is laid out',
      answer({ ...json, body: body('{"a":1,"b":[2]}') }),
      answer({ ...json, body: body('{ "a": 1, "b": [3] }') }),
      {
        kind: 'text',
        changes: [
          { kind: 'same', lines: ['{', '  "a": 1,', '  "b": ['] },
          { kind: 'removed', lines: ['    2'] },
          { kind: 'added', lines: ['    3'] },
          { kind: 'same', lines: ['  ]', '}'] },
        ],
      },
    ],
    [
      'text that is packed another way',
      answer({ body: body('a\nb') }),
      answer({ fields: [['Content-Encoding', 'gzip']], body: body(gzipSync('a\nb')) }),
      { kind: 'text', changes: [{ kind: 'same', lines: ['a', 'b'] }] },
    ],
    [
      'a body and none',
      answer({ body: body('a') }),
      answer({}),
      { kind: 'text', changes: [{ kind: 'removed', lines: ['a'] }] },
    ],
    [
      'bytes',
      answer({ body: body(Buffer.from([0, 1, 2])) }),
      answer({ body: body(Buffer.from([0, 1, 3, 4])) }),
      { kind: 'bytes', before: 3, after: 4, at: 2 },
    ],
  ] as const) {
    it(name, async () => assert.deepEqual((await compareAnswers(before, after)).body, expected))
  }

  it('says that only what was kept is compared', async () => {
    const { remarks } = await compareAnswers(answer({ body: body('a', 5) }), answer({ body: body('a') }))
    assert.deepEqual(remarks, ['Of the former body only the first 1 of 5 bytes are compared.'])
  })
})

describe('compareLines', () => {
  const rebuilt = (changes: ReturnType<typeof compareLines>, without: 'added' | 'removed') =>
    changes.filter(({ kind }) => kind !== without).flatMap(({ lines }) => lines)

  it('gives both texts back, whatever they are', () => {
    const next = random(3)
    const text = () => Array.from({ length: next.below(30) }, () => next.from(['a', 'b', 'c', ''])).join('\n')
    for (let round = 0; round < 500; round++) {
      const [before, after] = [text(), text()]
      const changes = compareLines(before, after)
      assert.equal(rebuilt(changes, 'added').join('\n'), before)
      assert.equal(rebuilt(changes, 'removed').join('\n'), after)
    }
  })

  it('does not look for ever for what two large texts have in common', () => {
    const text = (seed: number) => [
      'first',
      ...Array.from({ length: 50_000 }, (_, at) => String(at * seed)),
      'last',
    ]
    const [before, after] = [text(7), text(11)]
    const changes = compareLines(before.join('\n'), after.join('\n'))
    assert.deepEqual(rebuilt(changes, 'added'), before)
    assert.deepEqual(rebuilt(changes, 'removed'), after)
    assert.deepEqual(
      changes.map(({ kind }) => kind),
      ['same', 'removed', 'added', 'same'],
    )
  })
})
