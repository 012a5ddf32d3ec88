import type { Field } from '../field'
import type { Refusal } from './decideAccess'

/** How a visitor is told that they may not come in. */
export interface RefusalAnswer {
  readonly status: number
  readonly reason: string
  readonly fields: readonly Field[]
  readonly contentType: string
  readonly body: string
  /** For the person whose app it is. */
  readonly note: string
}

/** The answer for a refused visitor: a page, or JSON for those whose Accept field asks for it. */
export function refusalAnswer(
  refusal: Refusal | { readonly why: 'password' },
  accept: string,
): RefusalAnswer {
  const { status, reason, fields = [], error, title, detail, note } = describe(refusal)
  if (/\bapplication\/(?:[\w.-]+\+)?json\b/i.test(accept)) {
    const body = `${JSON.stringify({ error, reason: refusal.why, title, detail })}\n`
    return { status, reason, fields, contentType: 'application/json', body, note }
  }
  const body = page({ status, title, detail })
  return { status, reason, fields, contentType: 'text/html; charset=utf-8', body, note }
}

interface Description {
  readonly status: number
  readonly reason: string
  readonly fields?: readonly Field[]
  readonly error: string
  /** Plain text with nothing of a visitor's but an address that was read as one. */
  readonly title: string
  readonly detail: string
  readonly note: string
}

function describe(refusal: Refusal | { readonly why: 'password' }): Description {
  switch (refusal.why) {
    case 'password':
      return {
        ...{ status: 401, reason: 'Unauthorized', error: 'unauthorized' },
        fields: [['WWW-Authenticate', 'Basic realm="Expose Port", charset="UTF-8"']],
        title: 'A password is needed here',
        detail: 'Whoever gave you this address has the password.',
        note: 'No password, or a wrong one.',
      }
    case 'closed':
      return {
        ...{ status: 410, reason: 'Gone', error: 'gone' },
        title: 'This address is closed',
        detail: 'It was open for some time, and that is over. Ask whoever gave you this address.',
        note: 'The closing time has come.',
      }
    case 'address':
      return {
        ...forbidden,
        title: 'You cannot come in from here',
        detail: `This address is not open to ${refusal.address}.`,
        note: `The rules keep out ${refusal.address}.`,
      }
    case 'address unknown':
      return {
        ...forbidden,
        title: 'It is not known where you come from',
        detail:
          'This address is open to some networks only, and the reverse proxy in front does not say where visitors come from. Whoever runs it lets it write X-Forwarded-For itself; for nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
        note: 'There are rules for addresses, and the check of the public URL has not shown that the proxy writes X-Forwarded-For or X-Real-IP itself.',
      }
    case 'method':
      return {
        ...{ status: 405, reason: 'Method Not Allowed', error: 'method_not_allowed' },
        fields: [['Allow', refusal.allowed.join(', ')]],
        title: 'This method is not allowed here',
        detail: `Allowed: ${refusal.allowed.join(', ')}.`,
        note: 'The rules do not allow its method.',
      }
    case 'link':
      return refusal.is === 'expired'
        ? {
            ...forbidden,
            title: 'This link has expired',
            detail: 'Ask whoever gave it to you for a new one.',
            note: 'The shared link has expired.',
          }
        : {
            ...forbidden,
            title: 'This link is not valid',
            detail: 'It may have been cut off, or withdrawn. Ask whoever gave it to you for a new one.',
            note: 'The shared link is not one of those that are valid.',
          }
    case 'too many tries': {
      const seconds = Math.ceil(refusal.waitMs / 1000)
      return {
        ...{ status: 429, reason: 'Too Many Requests', error: 'too_many_requests' },
        fields: [['Retry-After', String(seconds)]],
        title: 'Too many wrong passwords',
        detail: `Try again in ${seconds} s.`,
        note: 'Too many wrong passwords came from this address.',
      }
    }
  }
}

const forbidden = { status: 403, reason: 'Forbidden', error: 'forbidden' }

function page({ status, title, detail }: Pick<Description, 'status' | 'title' | 'detail'>): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>:root{color-scheme:light dark}body{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}</style>
<h1>${title}</h1><p>${detail}</p><p><small>${status} · Expose Port</small></p></html>
`
}
