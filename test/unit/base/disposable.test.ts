import assert from 'node:assert/strict'
import { DisposableStore, toDisposable } from '../../../src/base/disposable'

describe('DisposableStore', () => {
  let ended: string[]
  const thing = (name: string) => toDisposable(() => void ended.push(name))
  beforeEach(() => (ended = []))

  it('disposes in reverse order, each once', () => {
    const store = new DisposableStore()
    for (const name of ['first', 'second', 'third']) store.add(thing(name))
    store.dispose()
    store.dispose()
    assert.deepEqual(ended, ['third', 'second', 'first'])
    assert.ok(store.isDisposed)
  })

  it('hands back what it was given', () => {
    const given = thing('x')
    assert.equal(new DisposableStore().add(given), given)
  })

  it('disposes at once what arrives late', () => {
    const store = new DisposableStore()
    store.dispose()
    store.add(thing('late'))
    assert.deepEqual(ended, ['late'])
  })

  it('disposes at once what is added while it is being disposed', () => {
    const store = new DisposableStore()
    store.add(toDisposable(() => void store.add(thing('added'))))
    store.dispose()
    assert.deepEqual(ended, ['added'])
  })

  it('disposes one thing alone, and not again later', () => {
    const store = new DisposableStore()
    const early = store.add(thing('early'))
    store.add(thing('other'))
    store.delete(early)
    store.delete(early)
    assert.deepEqual(ended, ['early'])
    store.delete(thing('stranger'))
    store.dispose()
    assert.deepEqual(ended, ['early', 'other'])
  })

  it('disposes the rest when one fails, and tells of every failure', () => {
    const store = new DisposableStore()
    store.add(thing('first'))
    for (const name of ['one', 'two']) {
      store.add(
        toDisposable(() => {
          throw new Error(name)
        }),
      )
    }
    assert.throws(
      () => store.dispose(),
      (error) => {
        assert.ok(error instanceof AggregateError)
        assert.deepEqual(
          error.errors.map((each: Error) => each.message),
          ['two', 'one'],
        )
        return true
      },
    )
    assert.deepEqual(ended, ['first'])
    assert.doesNotThrow(() => store.dispose())
  })
})
