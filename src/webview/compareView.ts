import { html, type TemplateResult } from 'lit'
import type { ShownComparison } from '../http/inspectorMessages'
import type { Page } from './page'

/** The answer to a replay beside the original's. */
export function compareView(page: Page, { of, isKnown, isSame, lines }: ShownComparison): TemplateResult {
  if (!isKnown) return html`<p class="quiet">The original has given way to newer requests.</p>`
  const original = html`<button type="button" class="link" @click=${() => page.select(of)}>
    the original
  </button>`
  return html`
    <p class="note">
      ${isSame ? html`The answer is the same as that to ${original}.` : html`The answer differs from that to ${original}.`}
    </p>
    <div class="difference" role="table" aria-label="The original's answer and the replay's">
      ${lines.map(({ kind, text }) =>
        kind === 'section'
          ? html`<h3>${text}</h3>`
          : html`<div class="line ${kind}" role="row">
              <span class="sign" role="cell" aria-label=${labels[kind]}>${signs[kind]}</span
              ><span class="text" role="cell">${text}</span>
            </div>`,
      )}
    </div>
  `
}

const signs = { same: ' ', original: '−', replay: '+' }
const labels = { same: 'same', original: 'only in the original', replay: 'only in the replay' }
