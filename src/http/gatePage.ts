import { STATUS_CODES } from 'node:http'
import { prefersJson } from './accept'
import type { Field } from './field'

/** What the gate answers by itself, in place of the app. */
export interface GateAnswer {
  readonly status: number
  /** The same for ever, for programs: `reason` in JSON. */
  readonly kind: string
  /** A few words, and a sentence or two. Whoever calls reads them: no names of servers, no secrets. */
  readonly title: string
  readonly detail: string
  /** The same for the person whose app it is; the title unless given. */
  readonly note?: string
  /** More fields, such as Retry-After. */
  readonly fields?: readonly Field[]
}

/** The body of such an answer: a page, or JSON for those whose Accept field asks for it. */
export function gatePage(
  { status, kind, title, detail }: GateAnswer,
  accept: string,
): { readonly contentType: string; readonly body: string } {
  if (!prefersJson(accept))
    return { contentType: 'text/html; charset=utf-8', body: page(status, escaped(title), escaped(detail)) }
  const error = reasonPhrase(status).toLowerCase().replace(/\W+/g, '_')
  const told = { ...(status >= 400 ? { error } : {}), reason: kind, title, detail }
  return { contentType: 'application/json', body: `${JSON.stringify(told)}\n` }
}

export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? ''
}

/** What the gate says by itself when no rule of the user's is the reason. */
export const gateAnswers = {
  noTunnel: {
    status: 502,
    kind: 'no tunnel',
    title: 'Nothing is exposed here',
    detail: 'No open tunnel has this name. Expose the port again, and this address works again.',
  },
  noAnswer: {
    status: 502,
    kind: 'no answer',
    title: 'The app does not answer',
    detail:
      'The tunnel is open, but nothing answers on its port. Start the app, and this address works again.',
  },
  badAnswer: {
    status: 502,
    kind: 'bad answer',
    title: 'The app gave no proper answer',
    detail:
      'The tunnel is open and something listens on its port, but it closed the connection or did not speak HTTP.',
  },
  tooSlow: {
    status: 504,
    kind: 'too slow',
    title: 'The app took too long',
    detail:
      'The tunnel is open and the app took the request, but did not begin its answer within the time set for it.',
  },
  tooMany: {
    status: 503,
    kind: 'too many',
    title: 'Too many requests at once',
    detail: 'The tunnel is open, but more requests are under way than it takes. Try again in a moment.',
    fields: [['Retry-After', '5']],
  },
  /** To a visitor who need not send it again: some senders take nothing but 200 for that. */
  held: {
    status: 200,
    kind: 'held',
    title: 'The request is held',
    detail: 'The app does not answer now. The request is kept, and delivered when the app is back.',
  },
  full: {
    status: 503,
    kind: 'full',
    title: 'The app does not answer',
    detail: 'Nothing answers on its port, and no more requests are held for it. Send this one again later.',
    fields: [['Retry-After', '60']],
  },
  closed: {
    status: 503,
    kind: 'closed',
    title: 'This tunnel was closed',
    detail: 'Whoever exposed the app has ended it. Once it is exposed again, this address works again.',
  },
} satisfies Record<string, GateAnswer>

function page(status: number, title: string, detail: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>:root{color-scheme:light dark}body{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}</style>
<h1>${title}</h1><p>${detail}</p><p><small>${status} · Expose Port</small></p></html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;' })[sign] ?? '&gt;')
}
