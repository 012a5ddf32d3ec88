import { once } from 'node:events'
import type { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'

/**
 * Starts processes that do nothing but be there, each with `DESCRIPTORS` open ones of which two are sockets, as a
 * language server or a terminal's shell has some. The scope ends them.
 */
export async function startIdleProcesses(scope: Scope, count: number): Promise<void> {
  // Standard output and error are sockets of a pair (libuv); the descriptors are inherited.
  const script = `exec 3</dev/null 4</dev/null 5</dev/null 6</dev/null 7</dev/null 8</dev/null 9</dev/null
    i=0; while [ $i -lt ${count} ]; do sleep 86400 & i=$((i+1)); done; echo started; wait`
  await scope.spawn('sh', ['-c', script], { ready: /started/, readyTimeoutMs: 60_000 })
}

/** A process that has been there for long, and opens a port when it is told to. */
export class PortOpener {
  private constructor(private readonly told: (line: string) => Promise<string>) {}

  static async start(scope: Scope): Promise<PortOpener> {
    const code = `
      const { createServer } = require('node:net')
      let server
      require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
        if (line === 'open') server = createServer().listen(0, '127.0.0.1', () => console.log('port', server.address().port))
        else server.close(() => console.log('closed'))
      })
      console.log('ready')`
    const { child, ...started } = await scope.spawn(process.execPath, ['-e', code], {
      stdin: 'pipe',
      ready: /ready/,
      env: { PATH: process.env['PATH'] },
    })
    void started
    return new PortOpener(async (line) => {
      const answer = once(child.stdout!, 'data')
      child.stdin!.write(`${line}\n`)
      return String((await answer)[0])
    })
  }

  /** Answers with the port. */
  async open(): Promise<number> {
    const port = /port (\d+)/.exec(await this.told('open'))?.[1]
    if (port === undefined) throw new Error('the opener did not say its port')
    return Number(port)
  }

  async close(): Promise<void> {
    await this.told('close')
  }
}

void waitUntil
