import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { CapturedMessage } from '../http/capturedExchange'
import type { ShownMessages } from '../http/inspectorMessages'
import { textOf } from './bodyViews'
import { formatBytes, formatDuration } from './format'
import { hexDump } from './hexDump'
import { icon } from './icon'

/** What went over a WebSocket, oldest first. `since` is when its upgrade came. */
export function messagesView({ messages, cut }: ShownMessages, since: number): TemplateResult {
  const before = cut + Math.max(messages.length - mostDrawn, 0)
  const drawn = messages.slice(-mostDrawn)
  return html`
    ${before === 0 ? nothing : html`<p class="note">${before} older messages are not shown.</p>`}
    ${messages.length === 0 ? html`<p class="quiet">No messages yet</p>` : nothing}
    <div class="messages">
      ${repeat(
        drawn,
        (_, index) => before + index,
        (message) => messageView(message, since),
      )}
    </div>
  `
}

function messageView({ from, kind, at, body }: CapturedMessage, since: number): TemplateResult {
  const isFromVisitor = from === 'visitor'
  const text = contentOf(kind, body.bytes)
  const cut = body.size - body.bytes.length
  return html`
    <details class="message ${from}">
      <summary>
        ${icon(isFromVisitor ? 'arrow-right' : 'arrow-left', isFromVisitor ? 'from the visitor' : 'from the app')}
        <span class="message-text"
          >${kind === 'text' ? text.slice(0, 300) : `${kind}${body.size > 0 ? ` ${text.slice(0, 80)}` : ''}`}</span
        >
        <span class="quiet number">${formatBytes(body.size)}</span>
        <span class="quiet number">${formatDuration(Math.max(at - since, 0))}</span>
      </summary>
      <pre class="body">${text}${cut > 0 ? `\n… ${formatBytes(cut)} more were not kept` : ''}</pre>
    </details>
  `
}

function contentOf(kind: CapturedMessage['kind'], bytes: Uint8Array): string {
  if (kind === 'close') return closeText(bytes)
  const text = kind === 'binary' ? undefined : textOf(bytes)
  return text ?? hexDump(bytes.subarray(0, 4096))
}

/** RFC 6455 5.5.1: a code of two bytes, then a reason. */
function closeText(bytes: Uint8Array): string {
  const [high, low] = bytes
  if (high === undefined || low === undefined) return ''
  return `${high * 256 + low} ${textOf(bytes.subarray(2)) ?? ''}`.trim()
}

const mostDrawn = 500
