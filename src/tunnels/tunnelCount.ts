import { seeReads, seeWrites } from '../base/taps'
import type { Visitor } from '../base/visitor'
import type { ExchangeCount } from '../http/capture'
import type { TunnelNumbers } from './numbers'

/** Counts what a tunnel carries, for as long as the tunnel lasts. */
export class TunnelCount implements ExchangeCount {
  private visitorsNow = 0
  private requests = 0
  private errors = 0
  private bytesIn = 0
  private bytesOut = 0
  /** A ring: the oldest gives its place to the newest. */
  private readonly latencies = new Float64Array(latest)
  private answers = 0

  get numbers(): TunnelNumbers {
    const { visitorsNow, requests, errors, bytesIn, bytesOut } = this
    return { visitorsNow, requests, errors, bytesIn, bytesOut, latencyMs: this.latencyMs() }
  }

  /** Counts a visitor and their bytes, from now on until they close. */
  watch({ stream }: Visitor): void {
    this.visitorsNow++
    stream.once('close', () => this.visitorsNow--)
    seeReads(stream, ({ length }) => (this.bytesIn += length))
    seeWrites(stream, ({ length }) => (this.bytesOut += length))
  }

  onRequest(): void {
    this.requests++
  }

  onAnswer(latencyMs: number): void {
    this.latencies[this.answers++ % latest] = latencyMs
  }

  onError(): void {
    this.errors++
  }

  private latencyMs(): TunnelNumbers['latencyMs'] {
    if (this.answers === 0) return undefined
    const sorted = this.latencies.slice(0, this.answers).sort()
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
  }
}

/** As many answers count for the latency. */
const latest = 1000
