import { html, nothing, type TemplateResult } from 'lit'
import type { Draft, DraftField } from '../http/inspectorMessages'
import { editedOf } from './edited'
import { formatBytes } from './format'
import { icon } from './icon'
import type { Page } from './page'

/** The form in which a request is changed before it is sent again. */
export function draftView(page: Page, draft: Draft): TemplateResult {
  const send = (event: Event) => {
    event.preventDefault()
    if (page.draft !== undefined) page.post({ kind: 'replay edited', edited: editedOf(page.draft) })
  }
  const tool = (name: string, label: string, act: () => void) => html`
    <vscode-toolbar-button icon=${name} label=${label} title=${label} @click=${act}></vscode-toolbar-button>
  `
  return html`
    <form class="draft" aria-label="Edit and replay" @submit=${send}>
      <div class="detail-title">
        <h2>Edit and Replay</h2>
        ${tool('close', 'Cancel (Escape)', () => page.setDraft(undefined))}
      </div>
      <div class="draft-line">
        <input
          class="draft-method"
          aria-label="Method"
          spellcheck="false"
          .value=${draft.method}
          @input=${typed((method) => page.changeDraft({ method }))}
        />
        <input
          aria-label="Path and query"
          spellcheck="false"
          .value=${draft.target}
          @input=${typed((target) => page.changeDraft({ target }))}
        />
      </div>
      <h3>Headers</h3>
      ${draft.fields.map((field, index) => fieldView(page, field, index))}
      <button type="button" class="link" @click=${() => page.addDraftField()}>
        ${icon('add')} Add header
      </button>
      <h3>Body${draft.body.as === 'base64' ? ', in base64' : ''}</h3>
      ${bodyView(page, draft)} ${signatureView(page, draft)} ${problemsView(page, draft)}
      <div class="actions">
        <vscode-button icon="debug-restart" @click=${send}>Replay</vscode-button>
        <vscode-button secondary @click=${() => page.setDraft(undefined)}>Cancel</vscode-button>
      </div>
    </form>
  `
}

function fieldView(page: Page, field: DraftField, index: number): TemplateResult {
  const { name, value, isMasked } = field
  const change = (to: Partial<DraftField>) => page.changeDraftField(index, to)
  return html`
    <div class="draft-line field">
      <input
        class="draft-name"
        aria-label="Name of header ${index + 1}"
        spellcheck="false"
        .value=${name}
        @input=${typed((text) => change({ name: text }))}
      />
      <input
        aria-label="Value of header ${index + 1}${isMasked ? ', masked; sent as it was unless changed' : ''}"
        title=${isMasked ? 'Masked; sent as it was unless changed' : nothing}
        spellcheck="false"
        .value=${value}
        @input=${typed((text) => change({ value: text, isMasked: false }))}
      />
      <vscode-toolbar-button
        icon="trash"
        label="Remove header ${name}"
        title="Remove"
        @click=${() => page.removeDraftField(index)}
      ></vscode-toolbar-button>
    </div>
  `
}

function bodyView(page: Page, { of, body }: Draft): TemplateResult {
  if (body.as === 'unchanged') {
    const show = () => {
      page.post({ kind: 'show secrets', id: of, isShown: true })
      page.post({ kind: 'edit', id: of })
    }
    return html`<p class="quiet">
      ${formatBytes(body.size)}, sent as they came.
      ${
        body.isHidden
          ? html`There are secrets among them:
              <button type="button" class="link" @click=${show}>show and edit</button>`
          : nothing
      }
    </p>`
  }
  const { as } = body
  return html`
    <textarea
      aria-label="Body"
      spellcheck="false"
      rows="10"
      .value=${body.text}
      @input=${typed((text) => page.changeDraft({ body: { as, text } }))}
    ></textarea>
  `
}

/** Each says in words where it stands. */
function problemsView({ problems }: Page, { fields }: Draft): unknown {
  if (problems.length === 0) return nothing
  return html`
    <ul class="problems" role="alert">
      ${problems.map(({ where, message }) => {
        const place = typeof where === 'string' ? places[where] : (fields[where.field]?.name ?? '')
        return html`<li>${place}: ${message}</li>`
      })}
    </ul>
  `
}

const places = { method: 'Method', target: 'Path', body: 'Body' }

function signatureView(page: Page, { signature, resign }: Draft): unknown {
  if (signature === undefined) return nothing
  return html`
    <label class="check">
      <input
        type="checkbox"
        .checked=${resign}
        @change=${(event: Event) => {
          if (event.target instanceof HTMLInputElement) page.changeDraft({ resign: event.target.checked })
        }}
      />
      Make ${signature} anew, to fit the body
    </label>
  `
}

function typed(change: (text: string) => void): (event: Event) => void {
  return ({ target }) => {
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) change(target.value)
  }
}
