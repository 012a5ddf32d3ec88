import type { Answers, Sample, SampleFacts, SampleRequest } from '../provider'
import { escapedJson } from '../json'
import { hubSignatures } from '../signatures'

/** An event of Meta's: signed, and its text escaped in the way of Meta, over which the signature goes. */
export function metaSample(id: string, label: string, body: (facts: SampleFacts) => object): Sample {
  return {
    id,
    label,
    request: (facts) => signed(body(facts), facts.answers),
  }
}

function signed(event: object, { appSecret = '' }: Answers): SampleRequest {
  const body = Buffer.from(escapedJson(event, { slashes: true }))
  return {
    fields: [
      ['Content-Type', 'application/json'],
      ['User-Agent', 'facebookexternalua'],
      ['Accept', '*/*'],
      ...hubSignatures(appSecret, body),
    ],
    body,
  }
}
