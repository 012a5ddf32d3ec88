import { generatedToken } from '../asks'
import type { Trouble } from '../preflight/trouble'
import type { Provider } from '../provider'
import { telegramLabel } from '../telegram/telegramLabel'
import { telegramRegistrar } from '../telegram/telegramRegistrar'
import { telegramSamples } from '../telegram/telegramSamples'

/** https://core.telegram.org/bots/webhooks */
export const telegram: Provider = {
  id: 'telegram',
  title: 'Telegram',
  detail: 'Needs a bot of @BotFather’s',
  asks: [
    {
      id: 'botToken',
      label: 'Bot token',
      prompt: 'From @BotFather: 123456:ABC-DEF…',
      isSecret: true,
      check: (answer) => (/^\d+:[\w-]+$/.test(answer) ? undefined : 'It is a number, a colon and letters.'),
      envNames: ['BOT_TOKEN', 'TELEGRAM_BOT_TOKEN', 'TELEGRAM_TOKEN', 'TG_BOT_TOKEN'],
    },
    {
      id: 'secretToken',
      label: 'Secret token',
      prompt: 'Comes with each update as X-Telegram-Bot-Api-Secret-Token, for your app to compare.',
      envNames: ['SECRET_TOKEN', 'TELEGRAM_SECRET_TOKEN', 'WEBHOOK_SECRET', 'TELEGRAM_WEBHOOK_SECRET'],
      ...generatedToken,
    },
  ],
  events: [
    { name: 'message', detail: 'somebody writes', isUsual: true },
    { name: 'edited_message', detail: 'somebody changes a message', isUsual: true },
    { name: 'callback_query', detail: 'somebody taps a button', isUsual: true },
    { name: 'inline_query', detail: 'somebody asks inline', isUsual: true },
    { name: 'channel_post', detail: 'a post in a channel', isUsual: false },
    { name: 'my_chat_member', detail: 'your bot was added or removed', isUsual: false },
    { name: 'chat_member', detail: 'somebody joins or leaves', isUsual: false },
    { name: 'message_reaction', detail: 'somebody reacts to a message', isUsual: false },
    { name: 'poll', detail: 'news of a poll', isUsual: false },
  ],
  rules: {
    harmless: 'poll',
    ports: [443, 80, 88, 8443],
    wouldSay,
    snippets: {
      signature: `app.use('/webhook', (req, res, next) => {
  const isTelegram = req.get('X-Telegram-Bot-Api-Secret-Token') === process.env.SECRET_TOKEN
  if (isTelegram) next()
  else res.sendStatus(401)
})
`,
    },
  },
  registrar: telegramRegistrar,
  samples: telegramSamples,
  describe: telegramLabel,
  patience: { slowMs: 10_000, limitMs: 60_000 },
}

/** What getWebhookInfo says as last_error_message, or setWebhook at once. */
function wouldSay(trouble: Trouble): string | undefined {
  switch (trouble.kind) {
    case 'status':
      return `Wrong response from the webhook: ${trouble.status} ${trouble.reason}`
    case 'redirect':
      return 'Wrong response from the webhook: 302 Found'
    case 'certificate name':
    case 'certificate untrusted':
    case 'certificate expired':
      return 'SSL error {error:0A000086:SSL routines::certificate verify failed}'
    case 'too slow':
      return 'Read timeout expired'
    case 'no such name':
      return 'Bad Request: bad webhook: Failed to resolve host: Name or service not known'
    case 'unreachable':
      return 'Connection refused'
    case 'no TLS':
      return 'SSL error'
    case 'not https':
      return 'Bad Request: bad webhook: An HTTPS URL must be provided for webhook'
    case 'port':
      return 'Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443'
    case 'challenge':
      return undefined
  }
}
