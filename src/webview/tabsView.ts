import { html, nothing, type TemplateResult } from 'lit'

export interface Tab<Id extends string> {
  readonly id: Id
  readonly title: string
  readonly count?: number
}

/** Tabs over a panel (WAI-ARIA tabs, with automatic activation): the arrow keys go from one to the next. */
export function tabsView<Id extends string>(
  tabs: readonly Tab<Id>[],
  active: Id,
  choose: (id: Id) => void,
): TemplateResult {
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    const index = tabs.findIndex(({ id }) => id === active)
    const next = tabs[(index + step + tabs.length) % tabs.length]
    if (next === undefined) return
    choose(next.id)
    document.getElementById(`tab-${next.id}`)?.focus()
  }
  return html`
    <div class="tabs" role="tablist" aria-label="Parts of the exchange" @keydown=${onKey}>
      ${tabs.map(
        ({ id, title, count }) => html`
          <button
            type="button"
            id="tab-${id}"
            role="tab"
            aria-selected=${id === active}
            aria-controls="detail-panel"
            tabindex=${id === active ? 0 : -1}
            @click=${() => choose(id)}
          >
            ${title}${count === undefined ? nothing : html` <span class="quiet">${count}</span>`}
          </button>
        `,
      )}
    </div>
  `
}
