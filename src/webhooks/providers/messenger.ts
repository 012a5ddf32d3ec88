import { formerVerifyToken, metaAsks, pageToken } from '../meta/metaAsks'
import { metaLabel } from '../meta/metaLabel'
import { metaRegistrar } from '../meta/metaRegistrar'
import { metaRules } from '../meta/metaRules'
import { messengerSamples } from '../meta/messengerSamples'
import type { Provider } from '../provider'

/** https://developers.facebook.com/docs/messenger-platform/webhooks */
export const messenger: Provider = {
  id: 'messenger',
  title: 'Messenger',
  detail: 'Needs a Facebook app with the product Messenger, and a Page',
  asks: [...metaAsks, pageToken],
  events: [
    { name: 'messages', detail: 'somebody writes', isUsual: true },
    { name: 'messaging_postbacks', detail: 'somebody taps a button', isUsual: true },
    { name: 'messaging_optins', detail: 'somebody agrees to be written to', isUsual: false },
    { name: 'message_deliveries', detail: 'a message of yours has arrived', isUsual: false },
    { name: 'message_reads', detail: 'a message of yours was read', isUsual: false },
    { name: 'messaging_referrals', detail: 'somebody comes by a link', isUsual: false },
    { name: 'message_echoes', detail: 'what your page writes', isUsual: false },
    { name: 'message_reactions', detail: 'somebody reacts to a message', isUsual: false },
    { name: 'messaging_handovers', detail: 'a thread changes hands', isUsual: false },
    { name: 'standby', detail: 'another app has the thread', isUsual: false },
  ],
  rules: { ...metaRules, harmless: 'read' },
  registrar: metaRegistrar(
    { object: 'page', level: { word: 'Page', token: 'pageToken', hasFields: true } },
    formerVerifyToken,
  ),
  samples: messengerSamples,
  describe: (request) => metaLabel('page', request),
  patience: { slowMs: 5000, limitMs: 20_000 },
}
