import type { GateAnswer } from '../gatePage'
import type { Refusal } from './decideAccess'

/** How a visitor is told that they may not come in. It holds nothing of theirs but an address that was read as one. */
export function refusalAnswer(refusal: Refusal | { readonly why: 'password' }): GateAnswer {
  switch (refusal.why) {
    case 'password':
      return {
        ...{ status: 401, kind: 'password' },
        fields: [['WWW-Authenticate', 'Basic realm="Expose Port", charset="UTF-8"']],
        title: 'A password is needed here',
        detail: 'Whoever gave you this address has the password.',
        note: 'No password, or a wrong one.',
      }
    case 'closing time':
      return {
        ...{ status: 410, kind: 'closing time' },
        title: 'This address is closed',
        detail: 'It was open for some time, and that is over. Ask whoever gave you this address.',
        note: 'The closing time has come.',
      }
    case 'address':
      return {
        ...{ status: 403, kind: 'address' },
        title: 'You cannot come in from here',
        detail: `This address is not open to ${refusal.address}.`,
        note: `The rules keep out ${refusal.address}.`,
      }
    case 'address unknown':
      return {
        ...{ status: 403, kind: 'address unknown' },
        title: 'It is not known where you come from',
        detail:
          'This address is open to some networks only, and the reverse proxy in front does not say where visitors come from. Whoever runs it lets it write X-Forwarded-For itself; for nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
        note: 'There are rules for addresses, and the check of the public URL has not shown that the proxy writes X-Forwarded-For or X-Real-IP itself.',
      }
    case 'method':
      return {
        ...{ status: 405, kind: 'method' },
        fields: [['Allow', refusal.allowed.join(', ')]],
        title: 'This method is not allowed here',
        detail: `Allowed: ${refusal.allowed.join(', ')}.`,
        note: 'The rules do not allow its method.',
      }
    case 'link':
      return refusal.is === 'expired' ? expiredLink : unknownLink
    case 'too many tries': {
      const seconds = Math.ceil(refusal.waitMs / 1000)
      return {
        ...{ status: 429, kind: 'too many tries' },
        fields: [['Retry-After', String(seconds)]],
        title: 'Too many wrong passwords',
        detail: `Try again in ${seconds} s.`,
        note: 'Too many wrong passwords came from this address.',
      }
    }
  }
}

const expiredLink = {
  ...{ status: 403, kind: 'link' },
  title: 'This link has expired',
  detail: 'Ask whoever gave it to you for a new one.',
  note: 'The shared link has expired.',
}

const unknownLink = {
  ...{ status: 403, kind: 'link' },
  title: 'This link is not valid',
  detail: 'It may have been cut off, or withdrawn. Ask whoever gave it to you for a new one.',
  note: 'The shared link is not one of those that are valid.',
}
