import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock'
import { stringOf, stringsIn } from './publicKey'
import type { Ssh2 } from './ssh2Library'

export interface AgentKey {
  readonly blob: Buffer
  readonly comment: string
}

/**
 * An SSH agent behind its socket or pipe (draft-ietf-sshm-ssh-agent). ssh2's own client drops every key whose type
 * it does not know, so that nobody could say why it is not used, and it waits for an answer for ever.
 *
 * Pageant is reached by the socket or pipe it offers to OpenSSH (`pageant --openssh-config`). Its older way by
 * window messages is not used: the program that ssh2 brings for it fails, and a bundle cannot find it.
 */
export class Agent {
  constructor(
    private readonly options: {
      readonly ssh2: Ssh2
      /** The socket or pipe. */
      readonly path: string
      readonly clock: Clock
      readonly signal: AbortSignal
    },
  ) {}

  /** @throws Error that says what is wrong with the agent. */
  async keys(): Promise<readonly AgentKey[]> {
    if (process.platform === 'win32' && this.options.path === 'pageant') {
      throw new Error('name the pipe that "pageant --openssh-config" writes down as IdentityAgent')
    }
    const answer = await this.request(Buffer.from([requestIdentities]), 5000)
    // A byte for the type, and how many keys there are.
    const strings = answer[0] === identitiesAnswer ? stringsIn(answer.subarray(5)) : undefined
    if (strings === undefined) throw new Error('its answer makes no sense')
    return strings.flatMap((blob, index) =>
      index % 2 === 0 ? [{ blob, comment: strings[index + 1]?.toString() ?? '' }] : [],
    )
  }

  /** Signs as ssh2 wants it: without the name of the algorithm. @throws Error when the agent does not. */
  async sign(blob: Buffer, data: Buffer, hash: string | undefined): Promise<Buffer> {
    const flags = Buffer.from([0, 0, 0, hash === 'sha512' ? rsaSha512 : hash === 'sha256' ? rsaSha256 : 0])
    const message = Buffer.concat([Buffer.from([signRequest]), stringOf(blob), stringOf(data), flags])
    // The agent may be asking its owner.
    const answer = await this.request(message, 60_000)
    const [signature] = answer[0] === signResponse ? (stringsIn(answer.subarray(1)) ?? []) : []
    const [, bytes] = signature === undefined ? [] : (stringsIn(signature) ?? [])
    if (bytes === undefined) throw new Error('the agent refused to sign')
    return bytes
  }

  private request(message: Buffer, limitMs: number): Promise<Buffer> {
    const { ssh2, path, clock, signal } = this.options
    return new Promise((resolve, reject) => {
      let stream: Duplex | undefined
      let isSettled = false
      let received = Buffer.alloc(0)
      const settle = (result: Buffer | Error) => {
        if (isSettled) return
        isSettled = true
        limit.dispose()
        signal.removeEventListener('abort', onAbort)
        stream?.destroy()
        if (result instanceof Error) reject(result)
        else resolve(result)
      }
      const limit = clock.after(limitMs, () => settle(new Error(`no answer within ${limitMs / 1000} s`)))
      const onAbort = () => settle(signal.reason as Error)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) return onAbort()
      // createAgent knows Cygwin's sockets as well, which Git for Windows has.
      ssh2.createAgent(path).getStream?.((error, opened) => {
        if (opened === undefined) return settle(error ?? new Error('it cannot be reached'))
        stream = opened
        if (isSettled) return void opened.destroy()
        opened.on('error', settle).once('close', () => settle(new Error('it ended without an answer')))
        opened.on('data', (chunk: Buffer) => {
          received = Buffer.concat([received, chunk])
          const size = received.length < 4 ? 0 : received.readUInt32BE(0)
          if (size > largestAnswer) settle(new Error('its answer is too large'))
          else if (size > 0 && received.length >= 4 + size) settle(received.subarray(4, 4 + size))
        })
        opened.write(stringOf(message))
      })
    })
  }
}

const requestIdentities = 11
const identitiesAnswer = 12
const signRequest = 13
const signResponse = 14
const rsaSha256 = 2
const rsaSha512 = 4
/** MAX_AGENT_REPLY_LEN in OpenSSH's authfd.c, in bytes. */
const largestAnswer = 256 * 1024
