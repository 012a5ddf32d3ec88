import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { ExchangeSummary } from '../http/capturedExchange'
import { eventText, marksOf, spokenRow } from './describe'
import { statusClassOf } from './filter'
import { formatAge, formatBytes, formatDuration, formatTime } from './format'
import { icon } from './icon'
import type { Page } from './page'
import { rowHeight, rowsInSight } from './rowsInSight'

/** The list; of thousands of rows only those in sight are drawn. `height` is that of its scrolled part. */
export function listView(
  page: Page,
  { height, now }: { readonly height: number; readonly now: number },
): TemplateResult {
  const { rows } = page
  const { first, end } = rowsInSight(rows.length, { scrollTop: page.scrollTop, height })
  const inSight = rows.slice(first, end)
  const active = inSight.some(({ id }) => id === page.selected) ? `row-${page.selected}` : undefined
  return html`
    <div class="list-head" aria-hidden="true">
      <span>Method</span><span>Path</span><span class="number">Status</span
      ><span class="number time">Time</span><span class="number size">Size</span
      ><span class="number age">Age</span>
    </div>
    <div
      id="list"
      class="rows"
      role="listbox"
      aria-label="Requests, newest first"
      tabindex="0"
      aria-activedescendant=${active ?? nothing}
      @scroll=${(event: Event) => {
        if (event.currentTarget instanceof HTMLElement) page.setScrollTop(event.currentTarget.scrollTop)
      }}
    >
      <div class="all-rows" role="presentation" .style=${`height: ${rows.length * rowHeight}px`}>
        ${repeat(
          inSight,
          ({ id }) => id,
          (one, index) => rowView(one, { index: first + index, page, now }),
        )}
      </div>
    </div>
  `
}

function rowView(
  one: ExchangeSummary,
  { index, page, now }: { readonly index: number; readonly page: Page; readonly now: number },
): TemplateResult {
  const isSelected = one.id === page.selected
  return html`
    <div
      id="row-${one.id}"
      class="row ${isSelected ? 'selected' : ''}"
      role="option"
      aria-selected=${isSelected}
      aria-setsize=${page.rows.length}
      aria-posinset=${index + 1}
      .style=${`transform: translateY(${index * rowHeight}px)`}
      @click=${() => page.select(one.id)}
    >
      <span class="spoken">${spokenRow(one, now)}</span>
      <span aria-hidden="true" class="method">${one.method}</span>
      <span aria-hidden="true" class="path" title=${one.target}
        ><span class="target">${one.target}</span>${eventView(one)}${marksOf(one).map(
          ({ icon: name, text }) => html`<span class="codicon codicon-${name} mark" title=${text}></span>`,
        )}</span
      >
      <span aria-hidden="true" class="number status s${statusClassOf(one)}">${statusText(one)}</span>
      <span aria-hidden="true" class="number time">${formatDuration(one.endMs)}</span>
      <span aria-hidden="true" class="number size"
        >${one.status === undefined ? '' : formatBytes(one.responseBytes)}</span
      >
      <span aria-hidden="true" class="number age" title=${formatTime(one.at)}
        >${formatAge(now - one.at)}</span
      >
    </div>
  `
}

function eventView({ event }: ExchangeSummary): TemplateResult | typeof nothing {
  if (event === undefined) return nothing
  const text = eventText(event)
  return html`<span class="event" title="${event.provider}: ${text}">${text}</span>`
}

function statusText({ status, state }: ExchangeSummary): unknown {
  if (status !== undefined) return status
  return state === 'open' ? icon('loading') : '—'
}
