import type { Page } from './page'
import { barAt, timeStrip, type Bar, type TimeStrip } from './timeStrip'
import { formatDuration, formatTime } from './format'

/** The strip on top of the list: requests over time, drawn into a canvas with the theme's colours. */
export class StripView {
  private strip: TimeStrip | undefined
  private drawnOf: unknown

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly page: Page,
  ) {
    canvas.addEventListener('click', (event) => {
      const bar = this.barUnder(event)
      if (bar !== undefined) page.select(bar.id)
    })
    new ResizeObserver(() => this.paint()).observe(canvas)
  }

  /** After each change of the list; cheap where it has not changed. */
  draw(): void {
    const { rows, selected } = this.page
    const now = `${selected ?? ''}`
    if (this.drawnOf === rows && this.canvas.dataset['selected'] === now) return
    if (this.drawnOf !== rows) this.strip = timeStrip(rows)
    this.drawnOf = rows
    this.canvas.dataset['selected'] = now
    this.canvas.setAttribute('aria-label', `Requests over time: ${this.strip?.text ?? 'none'}`)
    this.canvas.title = this.strip?.text ?? ''
    this.paint()
  }

  /** Again with what is known, in the colours of now. */
  paint(): void {
    const { canvas, strip } = this
    const context = canvas.getContext('2d')
    const { clientWidth: width, clientHeight: height } = canvas
    if (context === null || width === 0) return
    const ratio = window.devicePixelRatio
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    context.scale(ratio, ratio)
    if (strip === undefined) return
    const colours = coloursOf(canvas)
    this.paintScale(context, { width, height, colour: colours.text })
    const room = { width: width - left - right, height: height - labelHeight - 2 }
    for (const bar of strip.bars) {
      const isSelected = bar.id === this.page.selected
      const x = Math.round(left + bar.x * (room.width - barWidth))
      const tall = Math.max(Math.round(bar.height * room.height), 2)
      context.fillStyle = isSelected ? colours.selected : colours[bar.status]
      context.fillRect(x, height - labelHeight - tall, barWidth, tall)
      if (isSelected) context.fillRect(x - 1, height - labelHeight, barWidth + 2, 2)
    }
  }

  private paintScale(
    context: CanvasRenderingContext2D,
    { width, height, colour }: { readonly width: number; readonly height: number; readonly colour: string },
  ): void {
    const { strip } = this
    if (strip === undefined) return
    context.fillStyle = colour
    context.font = `10px ${getComputedStyle(this.canvas).fontFamily}`
    context.textBaseline = 'bottom'
    context.textAlign = 'left'
    context.fillText(formatTime(strip.from).slice(0, 8), left, height)
    context.textAlign = 'right'
    context.fillText(formatTime(strip.to).slice(0, 8), width - right, height)
    context.textAlign = 'left'
    context.textBaseline = 'top'
    context.fillText(formatDuration(strip.mostMs), right, 2)
  }

  private barUnder({ offsetX }: MouseEvent): Bar | undefined {
    const room = this.canvas.clientWidth - left - right
    return this.strip === undefined ? undefined : barAt(this.strip, (offsetX - left) / room, 12 / room)
  }
}

const barWidth = 2
/** Bars begin where the paths in the list do; the scale stands before them. */
const left = 82
const right = 12
const labelHeight = 13

function coloursOf(element: Element): Record<Bar['status'] | 'selected' | 'text', string> {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  return {
    '2xx': colour('--strip-2xx'),
    '3xx': colour('--strip-3xx'),
    '4xx': colour('--strip-4xx'),
    '5xx': colour('--strip-5xx'),
    none: colour('--strip-none'),
    selected: colour('--vscode-focusBorder'),
    text: colour('--quiet'),
  }
}
