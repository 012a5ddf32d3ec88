import type { ExchangeSummary } from '../http/capturedExchange'
import { statusClassOf, type StatusClass } from './filter'
import { formatDuration, plural } from './format'

/** Requests over time, each a bar as high as its answer took, ready to be drawn. */
export interface TimeStrip {
  readonly bars: readonly Bar[]
  readonly from: number
  readonly to: number
  /** What the whole height stands for. */
  readonly mostMs: number
  /** The same in words. */
  readonly text: string
}

export interface Bar {
  readonly id: number
  /** 0 is the left edge, 1 the right one; 1 the whole height. */
  readonly x: number
  readonly height: number
  readonly status: StatusClass
}

/** Latency is drawn on a logarithmic scale: 2 ms and 2 s are to be seen both. */
export function timeStrip(exchanges: readonly ExchangeSummary[]): TimeStrip | undefined {
  if (exchanges.length === 0) return undefined
  // Not those at the ends: imported ones are older than their place in the list.
  const [oldest, newest] = exchanges.reduce(
    ([least, most], { at }) => [Math.min(least, at), Math.max(most, at)],
    [Infinity, -Infinity],
  )
  const span = Math.max(newest - oldest, shortestSpanMs)
  const [from, to] = [newest - span, newest]
  const times = exchanges.flatMap(({ firstByteMs }) => (firstByteMs === undefined ? [] : [firstByteMs]))
  const sorted = times.sort((a, b) => a - b)
  const mostMs = Math.max(sorted.at(-1) ?? 0, leastHeightMs)
  const scale = Math.log1p(mostMs)
  const bars = exchanges.map((one) => ({
    id: one.id,
    x: (one.at - from) / span,
    height: Math.max(Math.log1p(one.firstByteMs ?? 0) / scale, leastHeight),
    status: statusClassOf(one),
  }))
  return { bars, from, to, mostMs, text: inWords(exchanges, sorted) }
}

/** The bar nearest to a place, if one is near. */
export function barAt(strip: TimeStrip, x: number, reach: number): Bar | undefined {
  let nearest: Bar | undefined
  let distance = reach
  for (const bar of strip.bars) {
    const away = Math.abs(bar.x - x)
    if (away < distance) [nearest, distance] = [bar, away]
  }
  return nearest
}

const shortestSpanMs = 60_000
const leastHeightMs = 100
const leastHeight = 0.08

function inWords(exchanges: readonly ExchangeSummary[], sorted: readonly number[]): string {
  const failed = exchanges.filter(
    (one) => ['5xx', 'none'].includes(statusClassOf(one)) && one.state !== 'open',
  )
  const at = (share: number) => formatDuration(sorted[Math.floor((sorted.length - 1) * share)])
  const latency =
    sorted.length === 0 ? '' : `; the first byte came after ${at(0.5)} in the middle, ${at(1)} at most`
  return `${plural(exchanges.length, 'request')}, ${failed.length} failed${latency}`
}
