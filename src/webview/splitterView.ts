import { html, type TemplateResult } from 'lit'
import type { Page } from './page'

/** Between the list and the details: drawn with the mouse, or moved by the arrow keys (WAI-ARIA window splitter). */
export function splitterView(page: Page, isNarrow: boolean): TemplateResult {
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -2, ArrowUp: -2, ArrowRight: 2, ArrowDown: 2 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    page.setListShare(page.listShare + step)
  }
  const onDown = (event: PointerEvent) => {
    if (event.currentTarget instanceof Element) event.currentTarget.setPointerCapture(event.pointerId)
  }
  const onMove = (event: PointerEvent) => {
    const { currentTarget: sash } = event
    if (!(sash instanceof Element) || !sash.hasPointerCapture(event.pointerId)) return
    const room = sash.parentElement?.getBoundingClientRect()
    if (room === undefined) return
    const share = isNarrow
      ? (event.clientY - room.top) / room.height
      : (event.clientX - room.left) / room.width
    page.setListShare(share * 100)
  }
  return html`
    <div
      class="splitter"
      role="separator"
      tabindex="0"
      aria-label="Width of the list"
      aria-orientation=${isNarrow ? 'horizontal' : 'vertical'}
      aria-valuenow=${page.listShare}
      aria-valuemin="15"
      aria-valuemax="85"
      @keydown=${onKey}
      @pointerdown=${onDown}
      @pointermove=${onMove}
    ></div>
  `
}
