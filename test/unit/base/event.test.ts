import assert from 'node:assert/strict'
import { Emitter } from '../../../src/base/event'

describe('Emitter', () => {
  it('calls its listeners in the order they subscribed', () => {
    const emitter = new Emitter<number>()
    const heard: string[] = []
    emitter.event((value) => heard.push(`a${value}`))
    emitter.event((value) => heard.push(`b${value}`))
    emitter.fire(1)
    emitter.fire(2)
    assert.deepEqual(heard, ['a1', 'b1', 'a2', 'b2'])
  })

  it('calls a function twice that subscribed twice, and ends each subscription alone', () => {
    const emitter = new Emitter<string>()
    const heard: string[] = []
    const listen = (value: string) => void heard.push(value)
    const first = emitter.event(listen)
    const second = emitter.event(listen)
    emitter.fire('both')
    first.dispose()
    first.dispose()
    emitter.fire('one')
    second.dispose()
    emitter.fire('none')
    assert.deepEqual(heard, ['both', 'both', 'one'])
    assert.equal(emitter.hasListeners, false)
  })

  it('lets listeners come and go while it fires; who comes meanwhile hears the next', () => {
    const emitter = new Emitter<number>()
    const heard: string[] = []
    const once = emitter.event((value) => {
      heard.push(`once${value}`)
      once.dispose()
      emitter.event((later) => heard.push(`late${later}`))
    })
    emitter.event((value) => heard.push(`always${value}`))
    emitter.fire(1)
    emitter.fire(2)
    assert.deepEqual(heard, ['once1', 'always1', 'always2', 'late2'])
  })

  it('says whether anybody listens, and calls nobody once disposed', () => {
    const emitter = new Emitter<number>()
    assert.equal(emitter.hasListeners, false)
    emitter.event(() => assert.fail('was called'))
    assert.equal(emitter.hasListeners, true)
    emitter.dispose()
    emitter.fire(1)
    assert.equal(emitter.hasListeners, false)
  })
})
