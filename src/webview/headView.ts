import { html, nothing, type TemplateResult } from 'lit'
import type { ShownTunnel } from '../http/inspectorMessages'
import { statusClasses, type StatusClass } from './filter'
import { formatBytes, formatDuration, plural } from './format'
import { icon } from './icon'
import { addUp } from './numbers'
import type { Page } from './page'

/** Which tunnel, its numbers, and what to do with the whole list. */
export function headView(page: Page): TemplateResult {
  const { isPaused } = page.capture
  const { tunnelId } = page.filter
  const button = (name: string, label: string, act: () => void) => html`
    <vscode-toolbar-button icon=${name} label=${label} title=${label} @click=${act}></vscode-toolbar-button>
  `
  return html`
    <header class="head">
      ${tunnelView(page)} ${numbersView(page)}
      <span class="tools" role="toolbar" aria-label="Captured requests">
        ${
          isPaused
            ? button('play', 'Resume capturing', () => page.post({ kind: 'pause', isPaused: false }))
            : button('debug-pause', 'Pause capturing', () => page.post({ kind: 'pause', isPaused: true }))
        }
        ${button('clear-all', 'Clear', () => page.post({ kind: 'clear', tunnelId }))}
        ${button('save', 'Save what is listed as HAR…', () =>
          page.post({ kind: 'save HAR', ids: page.rows.map(({ id }) => id) }),
        )}
        ${button('beaker', 'Send Test Webhook Event…', () => page.post({ kind: 'test event', tunnelId }))}
        ${button('folder-opened', 'Import HAR…', () => page.post({ kind: 'import HAR' }))}
      </span>
    </header>
  `
}

/** What narrows the list down. */
export function filterView(page: Page): TemplateResult {
  const { text, statuses, method } = page.filter
  const toggle = (one: StatusClass) =>
    page.setFilter({
      statuses: statuses.includes(one) ? statuses.filter((other) => other !== one) : [...statuses, one],
    })
  return html`
    <div class="filter" role="search">
      <vscode-textfield
        id="filter"
        .label=${'Filter requests'}
        placeholder="Filter ( / )"
        .value=${text}
        @input=${(event: Event) => {
          const { currentTarget } = event
          if (currentTarget !== null && 'value' in currentTarget) {
            page.setFilter({ text: String(currentTarget.value) })
          }
        }}
      ></vscode-textfield>
      <div class="choice" role="group" aria-label="Status">
        ${statusClasses.map(
          (one) => html`
            <button
              type="button"
              class="chip"
              aria-pressed=${statuses.includes(one)}
              title=${one === 'none' ? 'No answer' : nothing}
              aria-label=${one === 'none' ? 'no answer' : nothing}
              @click=${() => toggle(one)}
            >
              ${one === 'none' ? '—' : one}
            </button>
          `,
        )}
      </div>
      <select
        aria-label="Method"
        @change=${(event: Event) => {
          if (event.target instanceof HTMLSelectElement) page.setFilter({ method: event.target.value })
        }}
      >
        <option value="" ?selected=${method === ''}>All methods</option>
        ${[...new Set([...page.methods, ...(method === '' ? [] : [method])])].map(
          (one) => html`<option value=${one} ?selected=${one === method}>${one}</option>`,
        )}
      </select>
      <span class="quiet count">${countText(page)}</span>
    </div>
    ${noticesView(page)}
  `
}

function countText(page: Page): string {
  return page.isFiltering
    ? `${page.rows.length} of ${plural(page.count, 'request')}`
    : plural(page.count, 'request')
}

function noticesView(page: Page): TemplateResult {
  const { isOn, isPaused, leftOut } = page.capture
  const resume = () => page.post({ kind: 'pause', isPaused: false })
  return html`
    ${
      isOn
        ? nothing
        : html`<p class="notice">${icon('circle-slash')} Capturing is turned off in the settings.</p>`
    }
    ${
      isPaused
        ? html`<p class="notice" role="status">
            ${icon('debug-pause')} Capturing is paused. Requests reach your app and are not listed.
            <button type="button" class="link" @click=${resume}>Resume</button>
          </p>`
        : nothing
    }
    ${
      leftOut > 0
        ? html`<p class="notice">
            ${icon('history')} ${plural(leftOut, 'older request')} gave way to newer ones.
          </p>`
        : nothing
    }
  `
}

function tunnelView(page: Page): TemplateResult {
  const { tunnels } = page
  const { tunnelId } = page.filter
  const [only] = tunnels
  const shown = tunnels.length === 1 ? only : tunnels.find(({ id }) => id === tunnelId)
  return html`
    <span class="tunnel">
      ${
        tunnels.length > 1
          ? html`
              <select
                aria-label="Tunnel"
                @change=${(event: Event) => {
                  if (!(event.target instanceof HTMLSelectElement)) return
                  const { value } = event.target
                  page.setFilter({ tunnelId: value === '' ? undefined : Number(value) })
                }}
              >
                <option value="" ?selected=${tunnelId === undefined}>All tunnels</option>
                ${tunnels.map(
                  (one) =>
                    html`<option value=${one.id} ?selected=${one.id === tunnelId}>${nameOf(one)}</option>`,
                )}
              </select>
            `
          : shown === undefined
            ? nothing
            : html`<span class="url" title=${nameOf(shown)}>${nameOf(shown)}</span>`
      }
      ${
        shown?.isOpen === true
          ? html`<vscode-toolbar-button
              icon="copy"
              label="Copy the public URL"
              title="Copy the public URL"
              @click=${() => page.post({ kind: 'copy URL', tunnelId: shown.id })}
            ></vscode-toolbar-button>`
          : nothing
      }
    </span>
  `
}

function nameOf({ title, app, isOpen }: ShownTunnel): string {
  return `${title.replace(/^https?:\/\//, '')} → ${app}${isOpen ? '' : ' (closed)'}`
}

function numbersView(page: Page): TemplateResult {
  const { tunnelId } = page.filter
  const numbers = addUp(
    page.tunnels.filter(({ id, isOpen }) => (tunnelId === undefined ? isOpen : id === tunnelId)),
  )
  if (numbers === undefined) return html`<span class="numbers"></span>`
  const { visitorsNow, requests, errors, bytesIn, bytesOut, latencyMs } = numbers
  const pair = (value: string, label: string, title: string, kind = '') =>
    html`<span class="pair ${kind}" title=${title}><b>${value}</b> ${label}</span>`
  return html`
    <span class="numbers">
      ${pair(String(visitorsNow), visitorsNow === 1 ? 'visitor' : 'visitors', 'Connections open now')}
      ${pair(requests.toLocaleString('en'), requests === 1 ? 'request' : 'requests', 'Since the tunnel was opened')}
      ${pair(String(errors), errors === 1 ? 'error' : 'errors', 'Answers of 500 and above, and those that broke off', errors > 0 ? 'bad' : '')}
      ${
        latencyMs === undefined
          ? nothing
          : pair(
              [latencyMs.p50, latencyMs.p95, latencyMs.p99].map((ms) => formatDuration(ms)).join(' / '),
              '',
              'Time to the first byte: half, 95% and 99% of answers took at most this',
              'latency',
            )
      }
      ${pair(`↓ ${formatBytes(bytesIn)}`, '', 'From visitors', 'bytes')}
      ${pair(`↑ ${formatBytes(bytesOut)}`, '', 'To visitors', 'bytes')}
    </span>
  `
}
