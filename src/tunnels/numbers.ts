/** What a tunnel has carried since it was opened. */
export interface TunnelNumbers {
  /** Connections of visitors that are open now; behind a reverse proxy those of the proxy. */
  readonly visitorsNow: number
  /** HTTP only; 0 otherwise. */
  readonly requests: number
  /** Answers of 500 and above, and those that broke off. */
  readonly errors: number
  /** From visitors, and to them. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Of the latest answers, from the request's head to the first byte; undefined before the first. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined
}
