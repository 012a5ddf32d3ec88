import type { Sample, SampleFacts } from '../provider'
import { metaSample } from './metaSample'

/** As in https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components */
export const whatsappSamples: readonly Sample[] = [
  one('message', 'A message', (facts) => ({
    contacts: [{ profile: { name: 'Zoë' }, wa_id: person }],
    messages: [{ ...message(facts), type: 'text', text: { body: 'Grüße from Expose Port' } }],
  })),
  one('image', 'An image', (facts) => ({
    contacts: [{ profile: { name: 'Zoë' }, wa_id: person }],
    messages: [
      {
        ...message(facts),
        type: 'image',
        image: { mime_type: 'image/jpeg', sha256: 'AAAA', id: '1000000000000003' },
      },
    ],
  })),
  one('read', 'A read receipt', (facts) => ({
    statuses: [
      {
        id: `wamid.sample-${facts.serial}`,
        status: 'read',
        timestamp: seconds(facts),
        recipient_id: person,
      },
    ],
  })),
]

function one(id: string, label: string, value: (facts: SampleFacts) => object): Sample {
  return metaSample(id, label, (facts) => ({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '100000000000002',
        changes: [
          {
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '15550000000', phone_number_id: '100000000000004' },
              ...value(facts),
            },
            field: 'messages',
          },
        ],
      },
    ],
  }))
}

function message(facts: SampleFacts): object {
  return { from: person, id: `wamid.sample-${facts.serial}`, timestamp: seconds(facts) }
}

function seconds({ now }: SampleFacts): string {
  return String(Math.floor(now / 1000))
}

const person = '15550000001'
