import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Duplex, DuplexOptions } from 'node:stream'
import { join } from '../../../src/base/join'
import { Collected, settle, visitorPair } from '../tunnels/streams'

describe('join', () => {
  /** A visitor and an app, joined; the test holds the far ends. */
  function joined(options: DuplexOptions = {}): {
    visitor: Duplex
    local: Duplex
    outside: Duplex
    app: Duplex
  } {
    const [one, two] = [visitorPair(options), visitorPair(options)]
    join(one.visitor.stream, two.visitor.stream)
    return {
      ...{ visitor: one.visitor.stream, outside: one.outside },
      ...{ local: two.visitor.stream, app: two.outside },
    }
  }

  it('passes bytes both ways, each in its order', async () => {
    const { outside, app } = joined()
    const [atApp, atVisitor] = [new Collected(app), new Collected(outside)]
    for (let index = 0; index < 100; index++) {
      outside.write(`up${index} `)
      app.write(`down${index} `)
    }
    await settle()
    assert.equal(atApp.text, Array.from({ length: 100 }, (_, index) => `up${index} `).join(''))
    assert.equal(atVisitor.text, Array.from({ length: 100 }, (_, index) => `down${index} `).join(''))
  })

  it('lets the app answer after the visitor has ended, then closes both', async () => {
    const { visitor, local, outside, app } = joined()
    const [atApp, atVisitor] = [new Collected(app), new Collected(outside)]
    outside.end('question')
    await settle()
    assert.deepEqual([atApp.text, atApp.ended], ['question', true])
    assert.deepEqual([visitor.destroyed, local.destroyed], [false, false])
    app.end('answer')
    await settle()
    assert.deepEqual([atVisitor.text, atVisitor.ended], ['answer', true])
    assert.deepEqual([visitor.destroyed, local.destroyed], [true, true])
  })

  it('lets the visitor go on after the app has ended, then closes both', async () => {
    const { visitor, local, outside, app } = joined()
    const [atApp, atVisitor] = [new Collected(app), new Collected(outside)]
    app.end('greeting')
    await settle()
    assert.deepEqual([atVisitor.text, atVisitor.ended], ['greeting', true])
    outside.end('and on')
    await settle()
    assert.deepEqual([atApp.text, atApp.ended], ['and on', true])
    assert.deepEqual([visitor.destroyed, local.destroyed], [true, true])
  })

  it('closes a visitor who had ended before the app was there', async () => {
    // Node’s own end of a stream that has ended both ways would hide ours.
    const [one, two] = [visitorPair({ autoDestroy: false }), visitorPair()]
    one.outside.end()
    one.visitor.stream.resume()
    await settle()
    assert.ok(one.visitor.stream.readableEnded)
    join(one.visitor.stream, two.visitor.stream)
    const [atApp, atVisitor] = [new Collected(two.outside), new Collected(one.outside)]
    await settle()
    assert.ok(atApp.ended)
    two.outside.end('answer')
    await settle()
    assert.equal(atVisitor.text, 'answer')
    assert.ok(one.visitor.stream.destroyed)
  })

  it('ends the app’s connection when the visitor’s channel fails, and no other', async () => {
    const [bad, good] = [joined(), joined()]
    bad.visitor.destroy(new Error('read ECONNRESET'))
    await settle()
    assert.ok(bad.local.destroyed)
    const atApp = new Collected(good.app)
    good.outside.write('still here')
    await settle()
    assert.equal(atApp.text, 'still here')
    assert.deepEqual([good.visitor.destroyed, good.local.destroyed], [false, false])
  })

  it('ends the visitor when the app’s connection fails, and no other', async () => {
    const [bad, good] = [joined(), joined()]
    bad.local.destroy(new Error('read ECONNRESET'))
    await settle()
    assert.ok(bad.visitor.destroyed)
    const atVisitor = new Collected(good.outside)
    good.app.write('still here')
    await settle()
    assert.equal(atVisitor.text, 'still here')
  })

  it('does not wait for a stream that reports an error to close', async () => {
    const [one, two] = [joined({ autoDestroy: false }), joined({ autoDestroy: false })]
    one.visitor.emit('error', new Error('read ECONNRESET'))
    two.local.emit('error', new Error('read ECONNRESET'))
    await settle()
    assert.ok(one.local.destroyed)
    assert.ok(two.visitor.destroyed)
  })

  it('ends the visitor when the app’s connection is cut before its end', async () => {
    const { visitor, local, app } = joined()
    app.write('half an ans')
    await settle()
    local.destroy()
    await settle()
    assert.ok(visitor.destroyed)
  })

  it('ends the app’s connection when the channel is closed from within, as a stopped tunnel does', async () => {
    const { visitor, local } = joined()
    visitor.destroy()
    await settle()
    assert.ok(local.destroyed)
  })

  it('brings a whole request to the app though the visitor does not wait for the answer', async () => {
    const { visitor, local, outside, app } = joined()
    outside.end('request')
    await settle()
    assert.ok(visitor.readableEnded && !local.writableFinished, 'the app has not read it yet')
    visitor.destroy()
    await settle()
    assert.equal(local.destroyed, false)
    const atApp = new Collected(app)
    await settle()
    assert.deepEqual([atApp.text, atApp.ended], ['request', true])
    assert.ok(local.destroyed, 'nobody is left for the answer')
  })

  for (const [from, to] of [
    ['visitor', 'app'],
    ['app', 'visitor'],
  ] as const) {
    it(`stops reading the ${from} while the ${to} does not read, and loses nothing`, async () => {
      const size = 64
      const { outside, app } = joined({ highWaterMark: size })
      const [source, sink] = from === 'visitor' ? [outside, app] : [app, outside]
      const total = 5000
      let written = 0
      const writing = (async () => {
        for (; written < total; written += 50) {
          if (!source.write(Buffer.alloc(50, written % 251))) await once(source, 'drain')
        }
        source.end()
      })()
      await settle()
      await settle()
      assert.ok(written < 10 * size, `${written} bytes are held`)
      const read = new Collected(sink)
      await writing
      await settle()
      assert.equal(read.bytes.length, total)
      assert.ok(
        read.bytes.equals(
          Buffer.concat(Array.from({ length: 100 }, (_, index) => Buffer.alloc(50, (index * 50) % 251))),
        ),
      )
    })
  }
})
