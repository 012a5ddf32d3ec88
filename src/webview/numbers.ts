import type { ShownNumbers, ShownTunnel } from '../http/inspectorMessages'

/** The numbers of some tunnels together. Percentiles cannot be added, so those stand where there is one tunnel only. */
export function addUp(tunnels: readonly Pick<ShownTunnel, 'numbers'>[]): ShownNumbers | undefined {
  const [first, ...others] = tunnels.flatMap(({ numbers }) => (numbers === undefined ? [] : [numbers]))
  if (first === undefined) return undefined
  return others.reduce(
    (sum, one) => ({
      visitorsNow: sum.visitorsNow + one.visitorsNow,
      requests: sum.requests + one.requests,
      errors: sum.errors + one.errors,
      bytesIn: sum.bytesIn + one.bytesIn,
      bytesOut: sum.bytesOut + one.bytesOut,
      latencyMs: undefined,
    }),
    first,
  )
}
