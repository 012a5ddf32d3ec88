import { html, nothing, type TemplateResult } from 'lit'
import type { EventLabel } from '../http/capturedExchange'
import type { ShownExchange, ShownField, ShownPart, ShownResponse } from '../http/inspectorMessages'
import { bodyTemplate } from './bodyTemplate'
import { compareView } from './compareView'
import { eventText, marksOf, marksOfEvent, timeText } from './describe'
import { draftView } from './draftView'
import { statusClassOf } from './filter'
import { formatBytes, formatDuration, formatTime } from './format'
import { icon } from './icon'
import { messagesView } from './messagesView'
import type { DetailTab, Page } from './page'
import { tabsView, type Tab } from './tabsView'

/** The selected exchange: what came in, what the app answered, and what to do with it. */
export function detailView(page: Page): TemplateResult | typeof nothing {
  const { shown, draft } = page
  if (draft !== undefined) return draftView(page, draft)
  if (shown === undefined) return nothing
  return html`
    ${headView(page, shown)} ${tabsView<DetailTab>(tabsOf(shown), page.tab, (tab) => page.setTab(tab))}
    <div
      id="detail-panel"
      class="detail-panel"
      role="tabpanel"
      tabindex="0"
      aria-labelledby="tab-${page.tab}"
    >
      ${panelView(page, shown)}
    </div>
  `
}

function headView(page: Page, { summary, secrets, host }: ShownExchange): TemplateResult {
  const { id, method, target } = summary
  const button = (name: string, label: string, act: () => void) => html`
    <vscode-toolbar-button icon=${name} label=${label} title=${label} @click=${act}></vscode-toolbar-button>
  `
  return html`
    <div class="detail-head">
      <div class="detail-title">
        <h2 title="${method} ${host}${target}">
          <span class="method">${method}</span> <span class="target">${target}</span>
        </h2>
        <span class="status s${statusClassOf(summary)}">${summary.status ?? nothing}</span>
        ${button('close', 'Close (Escape)', () => page.select(undefined))}
      </div>
      ${summary.event === undefined ? nothing : eventView(summary.event)}
      ${marksOf({ ...summary, event: undefined }).map(({ icon: name, text }) => html`<p class="note">${icon(name)} ${text}</p>`)}
      ${summary.note === undefined ? nothing : html`<p class="note">${icon('info')} ${summary.note}</p>`}
      <div class="actions" role="toolbar" aria-label="What to do with this request">
        <vscode-button icon="debug-restart" @click=${() => page.post({ kind: 'replay', id })}
          >Replay</vscode-button
        >
        <vscode-button secondary icon="edit" @click=${() => page.post({ kind: 'edit', id })}
          >Edit and Replay</vscode-button
        >
        <span class="tools">
          ${button('run-all', 'Replay several times…', () => page.post({ kind: 'replay often', id }))}
          ${button('terminal', 'Copy as cURL', () => page.post({ kind: 'copy cURL', id }))}
          ${button('globe', 'Copy as .http', () => page.post({ kind: 'copy .http', id }))}
          ${button('save', 'Save as HAR…', () => page.post({ kind: 'save HAR', ids: [id] }))}
          ${
            secrets === 'none'
              ? nothing
              : button(
                  secrets === 'shown' ? 'eye-closed' : 'eye',
                  secrets === 'shown' ? 'Hide secrets' : 'Show secrets',
                  () => page.post({ kind: 'show secrets', id, isShown: secrets === 'masked' }),
                )
          }
        </span>
      </div>
    </div>
  `
}

function eventView(event: EventLabel): TemplateResult {
  const { provider, time } = event
  const [signature] = marksOfEvent(event)
  return html`
    <div class="event-block" role="group" aria-label="Webhook event">
      <p><strong>${provider}</strong> ${eventText(event)}</p>
      ${signature === undefined ? nothing : html`<p>${icon(signature.icon)} ${signature.text}</p>`}
      ${time === undefined ? nothing : html`<p>${icon('watch')} ${timeText(time, provider)}</p>`}
    </div>
  `
}

function tabsOf({ messages, comparison }: ShownExchange): Tab<DetailTab>[] {
  return [
    { id: 'request', title: 'Request' },
    { id: 'response', title: 'Response' },
    ...(messages === undefined
      ? []
      : [{ id: 'messages' as const, title: 'Messages', count: messages.messages.length + messages.cut }]),
    ...(comparison === undefined ? [] : [{ id: 'compare' as const, title: 'Compare' }]),
    { id: 'timing', title: 'Timing' },
  ]
}

function panelView(page: Page, shown: ShownExchange): unknown {
  const { id } = shown.summary
  switch (page.tab) {
    case 'request':
      return html`
        ${partView(shown.request)} ${bodyTemplate(page, shown.request.body, { of: 'request', id })}
        ${trailersView(shown.request)}
      `
    case 'response':
      return shown.response === undefined ? noAnswerView(shown) : responseView(page, shown.response, id)
    case 'messages':
      return shown.messages === undefined ? nothing : messagesView(shown.messages, shown.summary.at)
    case 'compare':
      return shown.comparison === undefined ? nothing : compareView(page, shown.comparison)
    case 'timing':
      return timingView(shown)
  }
}

function noAnswerView({ summary }: ShownExchange): TemplateResult {
  return html`<p class="quiet">${summary.state === 'open' ? 'No answer yet' : 'There was no answer.'}</p>`
}

function responseView(page: Page, response: ShownResponse, id: number): TemplateResult {
  return html`
    ${response.informed.map(
      ({ status, fields }) =>
        html`<h3>${status} before the answer</h3>
          ${fieldsView(fields)}`,
    )}
    <h3>${response.status} ${response.reason}</h3>
    ${partView(response)} ${bodyTemplate(page, response.body, { of: 'response', id })}
    ${trailersView(response)}
  `
}

function partView({ fields }: ShownPart): TemplateResult {
  return fieldsView(fields)
}

function trailersView({ trailers }: ShownPart): unknown {
  return trailers.length === 0
    ? nothing
    : html`<h3>Trailers</h3>
        ${fieldsView(trailers)}`
}

function fieldsView(fields: readonly ShownField[]): TemplateResult {
  if (fields.length === 0) return html`<p class="quiet">No headers</p>`
  return html`
    <dl class="fields">
      ${fields.map(
        ({ name, value, isMasked }) => html`
          <div>
            <dt>${name}</dt>
            <dd class=${isMasked ? 'masked' : ''}>${value}${isMasked ? icon('lock', 'masked') : nothing}</dd>
          </div>
        `,
      )}
    </dl>
  `
}

function timingView({ summary, protocol, host }: ShownExchange): TemplateResult {
  const { at, firstByteMs, endMs, visitorAddress, state } = summary
  const rows: [string, string][] = [
    ['Came at', formatTime(at)],
    ['First byte after', formatDuration(firstByteMs) || '—'],
    ['Ended after', endMs === undefined ? (state === 'open' ? 'still running' : '—') : formatDuration(endMs)],
    ['Visitor', visitorAddress === '' ? 'not known' : visitorAddress],
    ['Called', host],
    ['Protocol', protocol],
    ['Request body', formatBytes(summary.requestBytes)],
    ['Response body', formatBytes(summary.responseBytes)],
  ]
  return html`
    <dl class="fields">
      ${rows.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  `
}
