import type { Sample, SampleFacts } from '../provider'
import { metaSample } from './metaSample'

/** As in https://developers.facebook.com/docs/messenger-platform/reference/webhook-events */
export const messengerSamples: readonly Sample[] = [
  one('message', 'A message', (facts) => ({ message: { mid: mid(facts), text: 'Hello from Expose Port' } })),
  one('non-ascii', 'A message with é, 你好 and 🎉', (facts) => ({
    message: { mid: mid(facts), text: 'Grüße, café, 你好 🎉 </end>' },
  })),
  one('postback', 'A postback', (facts) => ({
    postback: { mid: mid(facts), title: 'Get Started', payload: 'GET_STARTED' },
  })),
  one('attachment', 'An image', (facts) => ({
    message: {
      mid: mid(facts),
      attachments: [{ type: 'image', payload: { url: 'https://example.com/picture.jpg?size=1&kind=é' } }],
    },
  })),
  one('quick-reply', 'A quick reply', (facts) => ({
    message: { mid: mid(facts), text: 'Yes', quick_reply: { payload: 'YES' } },
  })),
  one('delivery', 'A delivery', (facts) => ({ delivery: { mids: [mid(facts)], watermark: facts.now } })),
  one('read', 'A read receipt', (facts) => ({ read: { watermark: facts.now } })),
  one('referral', 'A referral', () => ({
    referral: { ref: 'from-expose-port', source: 'SHORTLINK', type: 'OPEN_THREAD' },
  })),
  metaSample('standby', 'A message while another app has the thread', (facts) =>
    page([
      entry(facts, {
        standby: [{ ...between(facts), message: { mid: mid(facts), text: 'Hello to another app' } }],
      }),
    ]),
  ),
  metaSample('batch', 'Three messages in two entries', (facts) =>
    page([
      entry(facts, {
        messaging: [
          { ...between(facts), message: { mid: mid(facts, 1), text: 'One' } },
          { ...between(facts), message: { mid: mid(facts, 2), text: 'Two' } },
        ],
      }),
      entry(facts, { messaging: [{ ...between(facts), message: { mid: mid(facts, 3), text: 'Three' } }] }),
    ]),
  ),
]

function one(id: string, label: string, event: (facts: SampleFacts) => object): Sample {
  return metaSample(id, label, (facts) =>
    page([entry(facts, { messaging: [{ ...between(facts), ...event(facts) }] })]),
  )
}

function page(entries: readonly object[]): object {
  return { object: 'page', entry: entries }
}

function entry({ now }: SampleFacts, events: object): object {
  return { time: now, id: samplePage, ...events }
}

function between({ now }: SampleFacts): object {
  return { sender: { id: samplePerson }, recipient: { id: samplePage }, timestamp: now }
}

function mid({ serial }: SampleFacts, index = 0): string {
  return `m_sample-${serial}-${index}`
}

/** Ids in the form of Meta's that belong to nobody. */
export const samplePerson = '1000000000000001'
export const samplePage = '100000000000002'
