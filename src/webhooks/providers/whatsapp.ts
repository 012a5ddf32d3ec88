import { formerVerifyToken, metaAsks } from '../meta/metaAsks'
import { metaLabel } from '../meta/metaLabel'
import { metaRegistrar } from '../meta/metaRegistrar'
import { metaRules } from '../meta/metaRules'
import { whatsappSamples } from '../meta/whatsappSamples'
import type { Provider } from '../provider'

/** https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks */
export const whatsapp: Provider = {
  id: 'whatsapp',
  title: 'WhatsApp',
  detail: 'Needs a Facebook app with the product WhatsApp, and a business account',
  asks: [
    ...metaAsks,
    {
      id: 'accountToken',
      label: 'Access token of the business account',
      prompt: 'WhatsApp › API Setup, or of a system user. Without it only the app is subscribed.',
      isSecret: true,
      isOptional: true,
      envNames: ['WHATSAPP_TOKEN', 'WHATSAPP_ACCESS_TOKEN', 'GRAPH_API_TOKEN'],
    },
    {
      id: 'accountId',
      label: 'WhatsApp Business Account ID',
      prompt: 'It stands beside the token.',
      isSecret: false,
      isOptional: true,
      check: (answer) => (/^\d{5,20}$/.test(answer) ? undefined : 'It consists of digits.'),
      envNames: ['WHATSAPP_BUSINESS_ACCOUNT_ID', 'WABA_ID'],
    },
  ],
  events: [
    { name: 'messages', detail: 'somebody writes, and what becomes of your messages', isUsual: true },
    { name: 'message_template_status_update', detail: 'a template was approved or refused', isUsual: false },
    { name: 'account_update', detail: 'something changes about the account', isUsual: false },
  ],
  rules: { ...metaRules, harmless: 'read' },
  registrar: metaRegistrar(
    {
      object: 'whatsapp_business_account',
      level: { word: 'business account', token: 'accountToken', id: 'accountId', hasFields: false },
    },
    formerVerifyToken,
  ),
  samples: whatsappSamples,
  describe: (request) => metaLabel('whatsapp_business_account', request),
  patience: { slowMs: 5000, limitMs: 20_000 },
}
