import assert from 'node:assert/strict'
import { Row } from '../../../../src/ui/views/row'
import type { ViewItem } from '../../../../src/ui/views/viewItem'

const item = (id: string, more: Partial<ViewItem> = {}): ViewItem => ({ id, label: id, ...more })
const whole = (...children: ViewItem[]): ViewItem => item('root', { children })

describe('a row of a view', () => {
  it('is drawn again alone when only it has changed, and keeps what it is', () => {
    const root = new Row(whole(item('a'), item('b', { children: [item('b1')] })))
    const [a, b] = root.children
    const b1 = b?.children[0]
    assert.deepEqual(root.become(whole(item('a'), item('b', { children: [item('b1')] }))), [])
    const changed = root.become(
      whole(
        item('a'),
        item('b', { description: 'new', tunnelId: 7, children: [item('b1', { port: 80 }), item('b2')] }),
      ),
    )
    assert.deepEqual(changed, [b])
    assert.deepEqual(root.children, [a, b])
    assert.deepEqual([b?.item.description, b?.tunnelId, b?.children[0]?.port], ['new', 7, 80])
    assert.equal(b?.children[0], b1)
    assert.equal(b?.children.length, 2)
  })

  it('comes, goes and moves with all', () => {
    const root = new Row(whole(item('a'), item('b')))
    const [a, b] = root.children
    assert.equal(root.become(whole(item('b'), item('a'))), 'all')
    assert.deepEqual(root.children, [b, a])
    assert.equal(root.become(whole(item('b'))), 'all')
    assert.equal(root.become(whole(item('b'), item('c'))), 'all')
    assert.equal(root.children[0], b)
    assert.equal(root.become(whole()), 'all')
    assert.deepEqual(root.become(whole()), [])
  })
})
