import { html, type TemplateResult } from 'lit'
import { guard } from 'lit/directives/guard.js'
import type { ShownBody } from '../http/inspectorMessages'
import { bodyViews, jsonTokens, type BodyView } from './bodyViews'
import { formatBytes } from './format'
import { hexDump } from './hexDump'
import type { Page } from './page'

/** A body as text, form, picture or bytes, whichever a person chooses; and what is to know of it. */
export function bodyTemplate(
  page: Page,
  body: ShownBody,
  { of, id }: { readonly of: 'request' | 'response'; readonly id: number },
): TemplateResult {
  const views = viewsOf(body)
  const view = views.find(({ kind }) => kind === page.bodyView) ?? views[0]
  if (view === undefined)
    return html`<p class="quiet">${body.size === 0 ? 'No body' : 'Nothing of the body was kept.'}</p>`
  const notes = notesOn(body)
  return html`
    <div class="body-bar">
      <div class="choice" role="group" aria-label="How to look at the body">
        ${views.map(
          ({ kind }) => html`
            <button
              type="button"
              class="chip"
              aria-pressed=${kind === view.kind}
              @click=${() => page.setBodyView(kind)}
            >
              ${titles[kind]}
            </button>
          `,
        )}
      </div>
      <span class="quiet grow">${sizeText(body)}</span>
      <vscode-toolbar-button
        icon="go-to-file"
        label="Open the ${of} body in an editor"
        title="Open in an editor"
        @click=${() => page.post({ kind: 'open body', id, of })}
      ></vscode-toolbar-button>
    </div>
    ${notes.map((note) => html`<p class="note">${note}</p>`)}
    ${guard([body, view], () => viewTemplate(view, body))}
  `
}

const titles: Record<BodyView['kind'], string> = {
  json: 'JSON',
  form: 'Form',
  image: 'Image',
  text: 'Raw',
  hex: 'Hex',
}

const known = new WeakMap<ShownBody, BodyView[]>()

function viewsOf(body: ShownBody): BodyView[] {
  const views = known.get(body) ?? bodyViews(body)
  known.set(body, views)
  return views
}

function sizeText({ size, encodings, mediaType, shownOf }: ShownBody): string {
  const decoded = encodings.length === 0 ? '' : `, ${encodings.join(', ')}, ${formatBytes(shownOf)} decoded`
  return [mediaType, `${formatBytes(size)}${decoded}`].filter((part) => part !== '').join(' · ')
}

function notesOn({ size, kept, bytes, shownOf, problem }: ShownBody): string[] {
  return [
    ...(kept < size ? [`Cut: ${formatBytes(kept)} of ${formatBytes(size)} were kept.`] : []),
    ...(bytes.length < shownOf ? [`The first ${formatBytes(bytes.length)} are shown here.`] : []),
    ...(problem === undefined ? [] : [problem]),
  ]
}

function viewTemplate(view: BodyView, body: ShownBody): unknown {
  switch (view.kind) {
    case 'json':
      return html`<pre class="body" tabindex="0" aria-label="Body">${jsonTemplate(view.text)}</pre>`
    case 'text':
      return html`<pre class="body" tabindex="0" aria-label="Body">${view.text}</pre>`
    case 'hex':
      return html`<pre class="body hex" tabindex="0" aria-label="Body in hexadecimal">
${hexOf(body.bytes)}</pre>`
    case 'form':
      return html`
        <dl class="fields">
          ${view.pairs.map(
            ([name, value]) =>
              html`<div>
                <dt>${name}</dt>
                <dd>${value}</dd>
              </div>`,
          )}
        </dl>
      `
    case 'image':
      return html`<img
        class="picture"
        alt="The body as a picture"
        src=${dataUrl(body.bytes, view.mediaType)}
      />`
  }
}

function jsonTemplate(text: string): unknown {
  if (text.length > mostColoured) return text
  return jsonTokens(text).map(({ kind, text: piece }) =>
    kind === 'other' ? piece : html`<span class="json-${kind}">${piece}</span>`,
  )
}

function hexOf(bytes: Uint8Array): unknown {
  if (bytes.length <= mostHex) return hexDump(bytes)
  return [hexDump(bytes.subarray(0, mostHex)), `\n… ${formatBytes(bytes.length - mostHex)} more`]
}

function dataUrl(bytes: Uint8Array, mediaType: string): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return `data:${mediaType};base64,${btoa(binary)}`
}

/** Spans cost more than text; beyond this the page would feel it. */
const mostColoured = 60_000
const mostHex = 16 * 1024
