import { usualLimits, type CaptureLimits } from './exchanges'

/** Reads the settings `exposePort.capture.*`, of which anything may be wrong; bounds as in the manifest. */
export function readCaptureLimits(get: (name: string) => unknown): Required<CaptureLimits> {
  const mostBytes = numberIn(
    get('maxMegabytes'),
    { from: 1, to: 1024, unit: mebibyte },
    usualLimits.mostBytes,
  )
  const mostBodyBytes = numberIn(
    get('maxBodyKilobytes'),
    { from: 0, to: 65_536, unit: 1024 },
    usualLimits.mostBodyBytes,
  )
  return {
    isOn: get('enabled') !== false,
    mostExchanges: numberIn(
      get('maxExchanges'),
      { from: 10, to: 20_000, unit: 1 },
      usualLimits.mostExchanges,
    ),
    mostBytes,
    // A request, its answer and more besides: no exchange may be too large to be kept at all.
    mostBodyBytes: Math.min(mostBodyBytes, Math.floor(mostBytes / 4)),
  }
}

const mebibyte = 1024 * 1024

function numberIn(value: unknown, bounds: { from: number; to: number; unit: number }, usual: number): number {
  if (typeof value !== 'number' || Number.isNaN(value)) return usual
  return Math.round(Math.min(bounds.to, Math.max(bounds.from, value))) * bounds.unit
}
