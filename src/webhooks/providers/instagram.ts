import { instagramSamples } from '../meta/instagramSamples'
import { formerVerifyToken, metaAsks, pageToken } from '../meta/metaAsks'
import { metaLabel } from '../meta/metaLabel'
import { metaRegistrar } from '../meta/metaRegistrar'
import { metaRules } from '../meta/metaRules'
import type { Provider } from '../provider'

/** https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook */
export const instagram: Provider = {
  id: 'instagram',
  title: 'Instagram',
  detail: 'Needs a Facebook app, and an Instagram account that belongs to a Page',
  asks: [...metaAsks, { ...pageToken, label: 'Access token of the Page that the account belongs to' }],
  events: [
    { name: 'messages', detail: 'somebody writes', isUsual: true },
    { name: 'messaging_postbacks', detail: 'somebody taps a button', isUsual: true },
    { name: 'messaging_seen', detail: 'a message of yours was read', isUsual: false },
    { name: 'message_reactions', detail: 'somebody reacts to a message', isUsual: false },
    { name: 'messaging_referral', detail: 'somebody comes by a link', isUsual: false },
    { name: 'standby', detail: 'another app has the thread', isUsual: false },
  ],
  rules: { ...metaRules, harmless: 'read' },
  registrar: metaRegistrar(
    { object: 'instagram', level: { word: 'Page', token: 'pageToken', hasFields: true } },
    formerVerifyToken,
  ),
  samples: instagramSamples,
  describe: (request) => metaLabel('instagram', request),
  patience: { slowMs: 5000, limitMs: 20_000 },
}
