import type { Provider } from '../provider'

/** Whoever has a form to paste the URL into: the URL is examined and copied, and nothing is registered. */
export const other: Provider = {
  id: 'other',
  title: 'Another provider',
  detail: 'The URL is examined as from outside, and copied for its form',
  asks: [],
  events: [],
  rules: { harmless: 'json', wouldSay: () => undefined, snippets: {} },
  registrar: undefined,
  samples: [
    {
      id: 'json',
      label: 'A test event as JSON',
      request: ({ serial }) => ({
        fields: [
          ['Content-Type', 'application/json'],
          ['User-Agent', 'expose-port'],
        ],
        body: Buffer.from(JSON.stringify({ type: 'expose-port.test', id: serial })),
      }),
    },
  ],
  describe: () => undefined,
  patience: { slowMs: 5000, limitMs: 10_000 },
}
