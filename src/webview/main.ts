import '@vscode-elements/elements/dist/vscode-button/index.js'
import '@vscode-elements/elements/dist/vscode-textfield/index.js'
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js'
import { render } from 'lit'
import type { FromInspector, ToInspector } from '../http/inspectorMessages'
import { actionFor, actOnSelected, type Action } from './keys'
import { Page } from './page'
import { pageView } from './pageView'
import { rowHeight, scrollTopFor } from './rowsInSight'
import type { SavedState } from './savedState'
import { StripView } from './stripView'

/** What VS Code gives to a webview's page, once. */
interface VsCodeApi {
  postMessage(message: FromInspector): void
  getState(): unknown
  setState(state: SavedState): void
}
declare function acquireVsCodeApi(): VsCodeApi

const api = acquireVsCodeApi()
const root = document.body
const page = new Page(
  { post: (message) => api.postMessage(message), save: (state) => api.setState(state), draw },
  api.getState(),
)
let isDrawing = false
let strip: StripView | undefined
/** What has been seen last: the list keeps its place when rows come in above, and follows the selection. */
let seen = { newest: undefined as number | undefined, selected: undefined as number | undefined }
let isFirst = true

window.addEventListener('message', (event: MessageEvent<ToInspector>) => page.receive(event.data))
window.addEventListener('resize', draw)
document.addEventListener('keydown', (event) => {
  const action = actionFor(event, {
    isTyping: isTyping(event),
    isInList: document.activeElement?.id === 'list',
    rowsInSight: Math.max(Math.floor(listHeight() / rowHeight) - 1, 1),
  })
  if (action === undefined) return
  event.preventDefault()
  act(action)
})
// The theme has changed: the canvas knows nothing of style sheets.
new MutationObserver(() => strip?.paint()).observe(document.body, { attributeFilter: ['class'] })
// Ages grow.
setInterval(draw, 1000)
draw()
api.postMessage({ kind: 'ready' })

function draw(): void {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    keepPlace()
    const isNarrow = root.clientWidth < 640
    render(pageView(page, { listHeight: listHeight(), now: Date.now(), isNarrow }), root)
    const canvas = document.getElementById('strip')
    if (canvas instanceof HTMLCanvasElement) (strip ??= new StripView(canvas, page)).draw()
    followPlace()
  })
}

/** Rows that came in above push what is looked at down; unless the newest are looked at. */
function keepPlace(): void {
  const { rows, scrollTop } = page
  const newest = rows[0]?.id
  const above = seen.newest === undefined ? -1 : rows.findIndex(({ id }) => id === seen.newest)
  if (above > 0 && scrollTop > 0) page.setScrollTop(scrollTop + above * rowHeight)
  seen = { ...seen, newest }
}

/** The list is where the page says it is, with the selected row in sight when it has just been selected. */
function followPlace(): void {
  const list = document.getElementById('list')
  if (list === null) return
  if (page.selected !== seen.selected && page.selectedRow !== -1) {
    seen = { ...seen, selected: page.selected }
    page.setScrollTop(
      scrollTopFor(page.selectedRow, { scrollTop: page.scrollTop, height: list.clientHeight }),
    )
  }
  if (Math.abs(list.scrollTop - page.scrollTop) > 1) list.scrollTop = page.scrollTop
  // Its height was not known the first time.
  if (isFirst) draw()
  isFirst = false
}

function act(action: Action): void {
  switch (action.kind) {
    case 'filter':
      document.getElementById('filter')?.focus()
      return
    case 'move':
      page.move(action.by)
      return
    case 'open':
      if (page.selected === undefined) page.move(1)
      else document.getElementById('detail-panel')?.focus()
      return
    case 'back':
      back()
      return
    case 'replay':
    case 'edit':
      actOnSelected(page, action.kind)
      return
  }
}

/** One step: out of the form, out of the filter or the details, then the details go. */
function back(): void {
  const list = document.getElementById('list')
  const isInList = document.activeElement === list
  if (page.draft !== undefined) page.setDraft(undefined)
  else if (isInList) page.select(undefined)
  list?.focus()
}

function isTyping(event: Event): boolean {
  const [target] = event.composedPath()
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  )
}

function listHeight(): number {
  return document.getElementById('list')?.clientHeight ?? 0
}
