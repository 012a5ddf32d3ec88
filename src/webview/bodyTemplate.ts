import { html, nothing, type TemplateResult } from 'lit'
import { guard } from 'lit/directives/guard.js'
import type { ShownFormField } from '../http/body/shownBody'
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
  const remarks = remarksOn(body)
  if (view === undefined) {
    return html`${body.size === 0 ? html`<p class="quiet">No body</p>` : nothing}${remarks.map(remarkTemplate)}`
  }
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
    ${remarks.map(remarkTemplate)} ${guard([body, view], () => viewTemplate(view, body))}
  `
}

const titles: Record<BodyView['kind'], string> = {
  json: 'JSON',
  form: 'Form',
  image: 'Image',
  text: 'Text',
  raw: 'Raw',
  hex: 'Hex',
}

const known = new WeakMap<ShownBody, BodyView[]>()

function viewsOf(body: ShownBody): BodyView[] {
  const views = known.get(body) ?? bodyViews(body)
  known.set(body, views)
  return views
}

function sizeText({ size, encodings, mediaType, decodedSize }: ShownBody): string {
  const decoded =
    encodings.length === 0 ? '' : `, ${encodings.join(', ')}, ${formatBytes(decodedSize)} decoded`
  return [mediaType, `${formatBytes(size)}${decoded}`].filter((part) => part !== '').join(' · ')
}

function remarksOn({ bytes, decodedSize, remarks }: ShownBody): string[] {
  const shown =
    bytes.length < decodedSize
      ? [`The first ${formatBytes(bytes.length)} are shown here; an editor shows all that was kept.`]
      : []
  return [...remarks, ...shown]
}

function remarkTemplate(remark: string): TemplateResult {
  return html`<p class="note">${remark}</p>`
}

function viewTemplate(view: BodyView, body: ShownBody): unknown {
  switch (view.kind) {
    case 'json':
      return html`<pre class="body" tabindex="0" aria-label="Body">${jsonTemplate(view.text)}</pre>`
    case 'text':
    case 'raw':
      return html`<pre class="body" tabindex="0" aria-label="Body">${view.text}</pre>`
    case 'hex':
      return html`<pre class="body hex" tabindex="0" aria-label="Body in hexadecimal">
${hexOf(body.bytes)}</pre>`
    case 'form':
      return formTemplate(view.fields)
    case 'image':
      return html`<img
        class="picture"
        alt="The body as a picture"
        src=${dataUrl(view.bytes, view.mediaType)}
      />`
  }
}

function formTemplate(fields: readonly ShownFormField[]): TemplateResult {
  return html`
    <dl class="fields">
      ${fields.map(
        ({ name, value, file }) => html`
          <div>
            <dt>${name}</dt>
            <dd>${file === undefined ? value : `${file.name} · ${file.type} · ${formatBytes(file.size)}`}</dd>
          </div>
        `,
      )}
    </dl>
  `
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
