import { generatedToken } from '../asks'
import type { Ask } from '../provider'

const digits = (answer: string): string | undefined =>
  /^\d{5,20}$/.test(answer) ? undefined : 'It consists of digits.'

/** What all of Meta's products ask for. */
export const metaAsks: readonly Ask[] = [
  {
    id: 'verifyToken',
    label: 'Verify token',
    prompt: 'The same text in your app and at Meta. Your app compares it when Meta verifies the callback.',
    envNames: [
      'VERIFY_TOKEN',
      'MESSENGER_VERIFY_TOKEN',
      'FB_VERIFY_TOKEN',
      'FACEBOOK_VERIFY_TOKEN',
      'WEBHOOK_VERIFY_TOKEN',
    ],
    ...generatedToken,
    check: (answer) => (answer.length > 512 ? 'It is too long.' : undefined),
  },
  {
    id: 'appId',
    label: 'App ID',
    prompt: 'App settings › Basic in https://developers.facebook.com/apps',
    isSecret: false,
    check: digits,
    envNames: ['APP_ID', 'MESSENGER_APP_ID', 'FB_APP_ID', 'FACEBOOK_APP_ID', 'META_APP_ID'],
  },
  {
    id: 'appSecret',
    label: 'App secret',
    prompt: 'Beside the app id. Meta signs events with it.',
    isSecret: true,
    check: (answer) => (/^\S{8,}$/.test(answer) ? undefined : 'It has no spaces, and at least 8 letters.'),
    envNames: [
      'APP_SECRET',
      'MESSENGER_APP_SECRET',
      'FB_APP_SECRET',
      'FACEBOOK_APP_SECRET',
      'META_APP_SECRET',
    ],
  },
]

export const pageToken: Ask = {
  id: 'pageToken',
  label: 'Page access token',
  prompt: 'Messenger › API settings: generate one for the page. Without it only the app is subscribed.',
  isSecret: true,
  isOptional: true,
  check: (answer) => (/^\S{8,}$/.test(answer) ? undefined : 'It has no spaces, and at least 8 letters.'),
  envNames: [
    'PAGE_ACCESS_TOKEN',
    'MESSENGER_ACCESS_TOKEN',
    'MESSENGER_PAGE_ACCESS_TOKEN',
    'FB_PAGE_ACCESS_TOKEN',
    'PAGE_TOKEN',
  ],
}

/** Meta does not tell it, and verifies the former callback anew when that is put back. */
export const formerVerifyToken: Ask = {
  id: 'formerVerifyToken',
  label: 'Verify token of the former callback',
  prompt:
    'Meta asks the former callback for it when that is put back. Leave it empty if it is the same as yours.',
  isSecret: true,
  isOptional: true,
  envNames: [],
}
