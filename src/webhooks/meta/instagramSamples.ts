import type { Sample, SampleFacts } from '../provider'
import { metaSample } from './metaSample'

/** As in https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook */
export const instagramSamples: readonly Sample[] = [
  one('message', 'A message', (facts) => ({ message: { mid: mid(facts), text: 'Grüße from Expose Port' } })),
  one('story-reply', 'A reply to a story', (facts) => ({
    message: {
      mid: mid(facts),
      text: 'Nice',
      reply_to: { story: { url: 'https://example.com/story', id: '1784000000000001' } },
    },
  })),
  one('postback', 'A postback', (facts) => ({
    postback: { mid: mid(facts), title: 'Help', payload: 'HELP' },
  })),
  one('read', 'A read receipt', (facts) => ({ read: { mid: mid(facts) } })),
]

function one(id: string, label: string, event: (facts: SampleFacts) => object): Sample {
  return metaSample(id, label, (facts) => ({
    object: 'instagram',
    entry: [
      {
        time: facts.now,
        id: '17841400000000002',
        messaging: [
          {
            sender: { id: '1000000000000001' },
            recipient: { id: '17841400000000002' },
            timestamp: facts.now,
            ...event(facts),
          },
        ],
      },
    ],
  }))
}

function mid({ serial }: SampleFacts): string {
  return `sample-${serial}`
}
