/** Why a visitor gets no answer of the app. */
export type BadGatewayReason = 'no tunnel' | 'no answer' | 'bad answer'

/** The body of a 502: a page, or JSON for those whose Accept field asks for it. */
export function badGatewayPage(
  reason: BadGatewayReason,
  accept: string,
): { readonly contentType: string; readonly body: string } {
  if (/\bapplication\/(?:[\w.-]+\+)?json\b/i.test(accept)) {
    const body = `${JSON.stringify({ error: 'bad_gateway', reason, ...texts[reason] })}\n`
    return { contentType: 'application/json', body }
  }
  return { contentType: 'text/html; charset=utf-8', body: page(texts[reason]) }
}

/** The same for the person whose app it is. */
export function badGatewayNote(reason: BadGatewayReason): string {
  return `${texts[reason].title}.`
}

interface Texts {
  readonly title: string
  readonly detail: string
}

const texts: Record<BadGatewayReason, Texts> = {
  'no tunnel': {
    title: 'Nothing is exposed here',
    detail: 'No open tunnel has this name. Expose the port again, and this address works again.',
  },
  'no answer': {
    title: 'The app does not answer',
    detail:
      'The tunnel is open, but nothing answers on its port. Start the app, and this address works again.',
  },
  'bad answer': {
    title: 'The app gave no proper answer',
    detail:
      'The tunnel is open and something listens on its port, but it closed the connection or did not speak HTTP.',
  },
}

function page({ title, detail }: Texts): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>:root{color-scheme:light dark}body{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}</style>
<h1>${title}</h1><p>${detail}</p><p><small>502 · Expose Port</small></p></html>
`
}
