import assert from 'node:assert/strict'
import { actionFor, type Action } from '../../../src/webview/keys'

describe('the keys of the inspector', () => {
  const press = (key: string, more: { ctrl?: boolean; typing?: boolean; list?: boolean } = {}) =>
    actionFor(
      { key, ctrlKey: more.ctrl ?? false, metaKey: false, altKey: false },
      { isTyping: more.typing ?? false, isInList: more.list ?? true, rowsInSight: 20 },
    )

  const cases: [key: string, action: Action][] = [
    ['ArrowDown', { kind: 'move', by: 1 }],
    ['ArrowUp', { kind: 'move', by: -1 }],
    ['PageDown', { kind: 'move', by: 20 }],
    ['PageUp', { kind: 'move', by: -20 }],
    ['Home', { kind: 'move', by: -Infinity }],
    ['End', { kind: 'move', by: Infinity }],
    ['Enter', { kind: 'open' }],
    ['/', { kind: 'filter' }],
    ['r', { kind: 'replay' }],
    ['e', { kind: 'edit' }],
    ['Escape', { kind: 'back' }],
  ]
  for (const [key, action] of cases) it(`${key} in the list`, () => assert.deepEqual(press(key), action))

  it('leave a text field its letters, but for Escape and Ctrl+F', () => {
    for (const key of ['r', 'e', '/', 'ArrowDown', 'Home', 'Enter']) {
      assert.equal(press(key, { typing: true, list: false }), undefined, key)
    }
    assert.deepEqual(press('Escape', { typing: true }), { kind: 'back' })
    assert.deepEqual(press('f', { typing: true, ctrl: true }), { kind: 'filter' })
  })

  it('leave VS Code its chords', () => {
    for (const key of ['r', 'e', 'ArrowDown']) assert.equal(press(key, { ctrl: true }), undefined, key)
  })

  it('move nothing while the focus is elsewhere', () =>
    assert.equal(press('ArrowDown', { list: false }), undefined))
})
