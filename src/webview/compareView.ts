import { html, nothing, type TemplateResult } from 'lit'
import type { AnswerComparison, BodyComparison, FieldChange, LineChange } from '../http/compare/comparison'
import type { ShownComparison } from '../http/inspectorMessages'
import { formatBytes, plural } from './format'
import type { Page } from './page'

/** The answer to a replay beside the original's. */
export function compareView(page: Page, { of, answers }: ShownComparison): TemplateResult {
  const original = html`<button type="button" class="link" @click=${() => page.select(of)}>original</button>`
  if (answers === undefined) {
    return html`<p class="note">
      There are no two answers to compare: the ${original} or this one has none.
    </p>`
  }
  const { status, body } = answers
  const changed = answers.fields.filter(({ kind }) => kind !== 'same')
  return html`
    <p class="note">${summaryOf(answers)} Go to the ${original}.</p>
    <div class="compared" role="table" aria-label="Status and headers of both answers">
      <div role="row" class="compared-head">
        <span role="columnheader"></span><span role="columnheader">Original</span
        ><span role="columnheader">Replay</span>
      </div>
      ${rowView({
        kind: status.isSame ? 'same' : 'changed',
        name: 'Status',
        before: status.before,
        after: status.after,
      })}
      ${changed.map(rowView)}
    </div>
    <p class="quiet">${plural(answers.fields.length - changed.length, 'header')} the same</p>
    <h3>Body</h3>
    ${bodyView(body)}
  `
}

function summaryOf({ status, fields, body }: AnswerComparison): string {
  const isSame = (kind: string) => kind === 'same'
  // It differs at every answer.
  const others = fields.filter(({ name }) => name.toLowerCase() !== 'date')
  if (status.isSame && isSame(body.kind) && others.every(({ kind }) => isSame(kind)))
    return 'The answers are the same.'
  const parts = [
    ...(status.isSame ? [] : ['status']),
    ...(others.every(({ kind }) => isSame(kind)) ? [] : ['headers']),
    ...(isSame(body.kind) ? [] : ['body']),
  ]
  return `The answers differ: ${parts.join(', ')}.`
}

function rowView({ kind, name, before, after }: FieldChange): TemplateResult {
  return html`
    <div role="row" class=${kind}>
      <span role="rowheader">${name}</span>
      <span role="cell" class="before">${before ?? nothing}</span>
      <span role="cell" class="after">${after ?? nothing}</span>
    </div>
  `
}

function bodyView(body: BodyComparison): unknown {
  switch (body.kind) {
    case 'same':
      return html`<p class="quiet">The same, ${formatBytes(body.size)}</p>`
    case 'bytes':
      return html`<p class="note">
        ${formatBytes(body.before)} became ${formatBytes(body.after)}; the first difference is at byte
        ${body.at.toLocaleString('en')}.
      </p>`
    case 'text':
      return html`<div class="difference">${body.changes.map(changeView)}</div>`
  }
}

/** Of what is the same only what stands beside a change. */
function changeView({ kind, lines }: LineChange): unknown {
  const left = kind === 'same' ? lines.length - 2 * context : 0
  const shown = left > 1 ? [...lines.slice(0, context), undefined, ...lines.slice(-context)] : lines
  return shown.map((line) =>
    line === undefined
      ? html`<div class="line quiet">
          <span></span><span class="text">… ${plural(left, 'line')} the same</span>
        </div>`
      : html`<div class="line ${kind}">${signView(kind)}<span class="text">${line}</span></div>`,
  )
}

function signView(kind: LineChange['kind']): TemplateResult {
  if (kind === 'same') return html`<span></span>`
  const [sign, label] = kind === 'removed' ? ['−', 'only in the original'] : ['+', 'only in the replay']
  return html`<span role="img" aria-label=${label}>${sign}</span>`
}

/** Lines shown before and after a change. */
const context = 3
