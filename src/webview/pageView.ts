import { html, nothing, type TemplateResult } from 'lit'
import { detailView } from './detailView'
import { filterView, headView } from './headView'
import { listView } from './listView'
import type { Page } from './page'
import { splitterView } from './splitterView'

/** The whole page. */
export function pageView(
  page: Page,
  sizes: { readonly listHeight: number; readonly now: number; readonly isNarrow: boolean },
): TemplateResult {
  const isOpen = page.selected !== undefined
  return html`
    ${headView(page)}
    <canvas id="strip" class="strip ${page.count === 0 ? 'gone' : ''}" role="img"></canvas>
    ${page.count === 0 && !page.isFiltering ? nothing : filterView(page)}
    <main class="panes ${isOpen ? 'split' : ''}" .style=${`--list-share: ${page.listShare}%`}>
      <section class="list ${page.count === 0 ? 'gone' : ''}" aria-label="List of requests">
        ${listView(page, { height: sizes.listHeight, now: sizes.now })}
        ${page.rows.length === 0 && page.count > 0 ? nothingPassesView(page) : nothing}
      </section>
      ${page.count === 0 ? emptyView(page) : nothing}
      ${
        isOpen
          ? html`${splitterView(page, sizes.isNarrow)}
              <section class="detail" aria-label="Selected request">${detailView(page)}</section>`
          : nothing
      }
    </main>
  `
}

function nothingPassesView(page: Page): TemplateResult {
  return html`
    <div class="empty">
      <p>No request passes the filter.</p>
      <button type="button" class="link" @click=${() => page.clearFilter()}>Clear the filter</button>
    </div>
  `
}

/** What to do where nothing has come yet. */
function emptyView(page: Page): TemplateResult | typeof nothing {
  if (!page.isLoaded) return nothing
  const open = page.tunnels.filter(({ isOpen }) => isOpen)
  if (open.length === 0) {
    return html`
      <div class="empty">
        <h2>Nothing is exposed</h2>
        <p>Expose a port, and every request to its public URL is listed here.</p>
        <vscode-button icon="globe" @click=${() => page.post({ kind: 'expose' })}>Expose Port</vscode-button>
      </div>
    `
  }
  return html`
    <div class="empty">
      <h2>Waiting for the first request</h2>
      <p>Open the public URL, or give it to who is to call it:</p>
      ${open.map(
        ({ id, title }) => html`
          <p class="url-line">
            <code>${title}</code>
            <vscode-toolbar-button
              icon="copy"
              label="Copy ${title}"
              title="Copy"
              @click=${() => page.post({ kind: 'copy URL', tunnelId: id })}
            ></vscode-toolbar-button>
          </p>
        `,
      )}
    </div>
  `
}
