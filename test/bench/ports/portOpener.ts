import { once } from 'node:events'
import type { Scope, ScopedProcess } from '../../support/scope'

/** A process that opens and closes a port when it is told to. */
export class PortOpener {
  private constructor(private readonly running: ScopedProcess) {}

  static async start(scope: Scope): Promise<PortOpener> {
    const env = { PATH: process.env['PATH'] }
    return new PortOpener(
      await scope.spawn(process.execPath, ['-e', code], { env, stdin: 'pipe', ready: /ready/ }),
    )
  }

  /** Opens a port, or opens one and closes a file, so that it has as many descriptors as before. */
  async open(how: 'one more' | 'as many'): Promise<number> {
    return Number(await this.tell(how))
  }

  async close(): Promise<void> {
    await this.tell('close')
  }

  private async tell(what: string): Promise<string> {
    const { stdout, stdin } = this.running.child
    if (stdout === null || stdin === null) throw new Error('the opener has no pipes')
    const answer = once(stdout, 'data')
    stdin.write(`${what}\n`)
    return String((await answer)[0])
  }
}

const code = `
const { openSync, closeSync } = require('node:fs')
const { createServer } = require('node:net')
let file = openSync('/dev/null')
let server
require('node:readline').createInterface({ input: process.stdin }).on('line', (what) => {
  if (what === 'close') return server.close(() => {
    file ??= openSync('/dev/null')
    console.log('closed')
  })
  server = createServer().listen(0, '127.0.0.1', () => {
    if (what === 'as many') file = closeSync(file)
    console.log(server.address().port)
  })
})
console.log('ready')`
