import { findTool } from '../support/tools'
import { askProcess, runToEnd } from './bundled'
import { cpuMsOf } from './cpu'
import type { BulkAnswer, BulkRequest } from './processes/bulk'
import type { RequestsAnswer, RequestsRequest } from './processes/requests'
import { oncePerRound, type Round } from './row'
import { percentile } from './statistics'
import type { Subject, SubjectName } from './world'

export interface BulkResult {
  readonly megabytesPerSecond: number
  readonly cpuMs: number
  readonly megabytes: number
}

/** As many visitors as told send, or receive, as fast as they can. */
export const bulk = oncePerRound(
  async (
    round: Round,
    name: SubjectName,
    direction: BulkRequest['direction'],
    visitors: number,
    rttMs: number,
  ): Promise<BulkResult> => {
    const subject = await subjectOf(round, name, rttMs)
    // A long path's windows take some round trips to grow.
    const times = rttMs === 0 ? { warmUpMs: 300, windowMs: 2000 } : { warmUpMs: 1000, windowMs: 60 * rttMs }
    return runBulk(round, subject, { direction, visitors, ...times })
  },
)

export interface LatencyResult {
  readonly p50: number
  readonly p99: number
}

/** Small requests one after the other, while so many visitors download on the same connection. */
export const latencyUnderBulk = oncePerRound(
  async (round: Round, name: SubjectName, downloads: number): Promise<LatencyResult> => {
    const subject = await subjectOf(round, name, 0)
    const requests: RequestsRequest = { port: subject.httpPort, warmUpMs: 500, windowMs: 2000 }
    const [answer] = await Promise.all([
      askProcess('requests', requests) as Promise<RequestsAnswer>,
      runBulk(round, subject, {
        direction: 'download',
        visitors: downloads,
        ...{ warmUpMs: 0, windowMs: requests.warmUpMs + requests.windowMs + 200 },
      }),
    ])
    return { p50: percentile(answer.latencies, 0.5), p99: percentile(answer.latencies, 0.99) }
  },
)

export interface HttpResult {
  /** Requests each second. */
  readonly rate: number
  /** Of the process that forwards, in microseconds. */
  readonly cpuUsPerRequest: number
}

export type HttpWay = 'plain' | 'gate'

/** So many visitors, each with one request at a time. */
export const http = oncePerRound(
  async (
    round: Round,
    name: SubjectName,
    way: HttpWay,
    connections: 'keep-alive' | 'new',
    visitors: number,
  ): Promise<HttpResult> => {
    const subject = await subjectOf(round, name, 0)
    const port = way === 'gate' ? subject.gatePort : subject.httpPort
    const close = connections === 'new' ? ['-H', 'Connection: close'] : []
    const cpuMs = () => (subject.pid === undefined ? 0 : cpuMsOf(subject.pid))
    const before = cpuMs()
    const { requests, rate } = await wrk([`-c${visitors}`, '-t1', ...close, `http://127.0.0.1:${port}/`])
    return { rate, cpuUsPerRequest: (1000 * (cpuMs() - before)) / requests }
  },
)

/** Requests each second over twenty tunnels of one connection at once, of two visitors each. */
export const httpOverMany = oncePerRound(async (round: Round, name: SubjectName): Promise<number> => {
  const { manyPorts } = await subjectOf(round, name, 0)
  const count = manyPorts.length
  const script = ['-s', `${__dirname}/onePortEach.lua`]
  // wrk wants to see that somebody listens, before it reads the script.
  const url = `http://127.0.0.1:${manyPorts[0]}/`
  const args = [`-c${2 * count}`, `-t${count}`, ...script, url]
  return (await wrk(args, { PORTS: manyPorts.join(' ') })).rate
})

async function subjectOf(round: Round, name: SubjectName, rttMs: number): Promise<Subject> {
  return (await round.world()).subject(name, rttMs)
}

async function runBulk(
  round: Round,
  { sourcePort, sinkPort, pid }: Subject,
  load: Omit<BulkRequest, 'port' | 'countPort' | 'cpuOf'>,
): Promise<BulkResult> {
  const { countPort } = (await round.world()).app
  const port = load.direction === 'download' ? sourcePort : sinkPort
  const request: BulkRequest = { ...load, port, countPort, cpuOf: pid }
  const { bytes, ms, cpuMs } = (await askProcess('bulk', request)) as BulkAnswer
  const megabytes = bytes / 1e6
  return { megabytesPerSecond: megabytes / (ms / 1000), megabytes, cpuMs }
}

/** @throws Error when a request failed: the number would not be one of requests. */
async function wrk(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ rate: number; requests: number }> {
  const { stdout } = await runToEnd(findTool('wrk'), [`-d${wrkSeconds}s`, ...args], env)
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  if (!(rate > 0) || /Non-2xx|Socket errors/.test(stdout))
    throw new Error(`wrk ${args.join(' ')}:\n${stdout}`)
  return { rate, requests }
}

/** wrk takes whole seconds only. */
const wrkSeconds = 2
