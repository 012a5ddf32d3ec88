import { escapedJson } from '../json'
import type { Sample, SampleFacts } from '../provider'

/** As in https://core.telegram.org/bots/api#update */
export const telegramSamples: readonly Sample[] = [
  sample('message', 'A message', (facts) => ({
    message: { ...message(facts), text: 'Grüße from Expose Port 🎉' },
  })),
  sample('command', 'The command /start', (facts) => ({
    message: {
      ...message(facts),
      text: '/start',
      entities: [{ offset: 0, length: 6, type: 'bot_command' }],
    },
  })),
  sample('callback', 'A tap on a button', (facts) => ({
    callback_query: {
      id: '4382bfdwdsb323b2d9',
      from: person,
      message: { ...message(facts), text: 'Choose' },
      chat_instance: '1',
      data: 'YES',
    },
  })),
  sample('photo', 'A picture', (facts) => ({
    message: {
      ...message(facts),
      photo: [{ file_id: 'AgAC', file_unique_id: 'AQAD', file_size: 1253, width: 90, height: 67 }],
    },
  })),
  sample('poll', 'News of a poll, which bots pass over', () => ({
    poll: {
      id: '1',
      question: 'Is this a test?',
      options: [],
      total_voter_count: 0,
      is_closed: true,
      is_anonymous: true,
      type: 'regular',
      allows_multiple_answers: false,
    },
  })),
]

function sample(id: string, label: string, update: (facts: SampleFacts) => object): Sample {
  return {
    id,
    label,
    request: (facts) => {
      const secret = facts.answers['secretToken'] ?? ''
      return {
        fields: [
          ['Content-Type', 'application/json'],
          ...(secret === '' ? [] : [['X-Telegram-Bot-Api-Secret-Token', secret] as const]),
        ],
        body: Buffer.from(escapedJson({ update_id: updateId(facts), ...update(facts) }, { slashes: false })),
      }
    },
  }
}

function message(facts: SampleFacts): object {
  return {
    message_id: updateId(facts),
    from: person,
    chat: { id: 1000000001, first_name: 'Zoë', username: 'zoe', type: 'private' },
    date: Math.floor(facts.now / 1000),
  }
}

/** A positive 31-bit number. */
function updateId({ serial }: SampleFacts): number {
  return (Number.parseInt(serial.replace(/[^0-9a-f]/gi, '').slice(0, 7), 16) || 0) + 1
}

const person = { id: 1000000001, is_bot: false, first_name: 'Zoë', username: 'zoe', language_code: 'de' }
