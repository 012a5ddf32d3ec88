import { html, type TemplateResult } from 'lit'

/** One of the codicons; said by a screen reader only where it has a text. */
export function icon(name: string, text?: string): TemplateResult {
  return text === undefined
    ? html`<span class="codicon codicon-${name}" aria-hidden="true"></span>`
    : html`<span class="codicon codicon-${name}" role="img" aria-label=${text} title=${text}></span>`
}
