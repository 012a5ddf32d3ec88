import { randomUUID } from 'node:crypto'
import type { ReplayRequest } from '../http/replay'
import type { Answers, Provider, Sample } from './provider'

/** A sample event for `Tunnel.replay`, as the provider would send it to this callback. `now` in milliseconds. */
export function sampleRequest(
  { provider, sample }: { readonly provider: Provider; readonly sample: Sample },
  facts: { readonly answers: Answers; readonly callbackUrl: string; readonly now: number },
): ReplayRequest {
  const { answers, callbackUrl, now } = facts
  const { fields, body } = sample.request({ answers, now, serial: randomUUID() })
  const { host, pathname, search } = new URL(callbackUrl)
  return {
    source: { kind: 'test', what: `${provider.title}: ${sample.label}` },
    method: 'POST',
    target: pathname + search,
    host,
    fields: [['Host', host], ...fields, ['Content-Length', String(body.length)]],
    body,
    trailers: [],
  }
}
