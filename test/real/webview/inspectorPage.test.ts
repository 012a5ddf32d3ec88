import assert from 'node:assert/strict'
import type { ExchangeSummary } from '../../../src/http/capturedExchange'
import type { ShownExchange, ShownTunnel, ToInspector } from '../../../src/http/inspectorMessages'
import { openInspectorPage, type InspectorPage } from '../../support/inspectorPage'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { summary } from '../../unit/webview/summary'

describe('the inspector’s page in a browser', function () {
  this.timeout(60_000)
  let scope: Scope
  let inspector: InspectorPage

  const count = 10_000
  const start = Date.now() - count * 1000
  const exchange = (id: number): ExchangeSummary =>
    summary({
      id,
      at: start + id * 1000,
      target: `/number/${id}`,
      method: id % 3 === 0 ? 'POST' : 'GET',
      status: id % 10 === 0 ? 500 : 200,
      firstByteMs: id % 700,
      endMs: id % 900,
    })
  const tunnel: ShownTunnel = {
    id: 1,
    title: 'https://my-bot.example.com',
    app: '3000',
    isOpen: true,
    numbers: undefined,
  }
  const all = (exchanges: readonly ExchangeSummary[]): ToInspector => ({
    kind: 'all',
    life: 'first',
    exchanges,
    tunnels: [tunnel],
    capture: { isOn: true, isPaused: false, leftOut: 0 },
  })
  const capture = { isOn: true, isPaused: false, leftOut: 3 }

  before(async () => {
    scope = new Scope()
    inspector = await openInspectorPage(scope)
  })
  beforeEach(() => inspector.reopen())
  afterEach(() => assert.deepEqual(inspector.complaints, [], 'the browser has nothing to complain of'))
  after(() => scope.close())

  const targets = (): Promise<string[]> => inspector.page.locator('.row .target').allInnerTexts()
  const list = () => inspector.page.locator('#list')
  const see = (what: string, seen: () => Promise<boolean>): Promise<void> => waitUntil(what, seen)

  async function show(): Promise<void> {
    await inspector.tell(all(Array.from({ length: count }, (_, index) => exchange(index + 1))))
    await inspector.page.locator('.row').first().waitFor()
  }

  it('draws the rows in sight of 10,000, wherever it is scrolled to', async () => {
    await show()
    assert.equal((await targets())[0], '/number/10000')
    assert.ok((await targets()).length < 80, 'of thousands only some are drawn')
    for (const [fraction, id] of [
      [0.5, 5000],
      [0.25, 7500],
      [1, 1],
    ] as const) {
      await inspector.on(
        '#list',
        `(element.scrollTop = (element.scrollHeight - element.clientHeight) * ${fraction})`,
      )
      await see(`/number/${id}`, async () => (await targets()).includes(`/number/${id}`))
      assert.ok((await targets()).length < 80)
    }
    assert.equal(await inspector.page.locator('.row').first().getAttribute('aria-setsize'), String(count))
  })

  it('keeps the place of a reader while requests come in, and shows them to who looks at the newest', async () => {
    await show()
    await inspector.tell({ kind: 'changed', exchanges: [exchange(count + 1)], removed: [], capture })
    await see('the newest', async () => (await targets())[0] === `/number/${count + 1}`)
    await inspector.on('#list', 'element.scrollTop = 1000 * 22')
    await see('the place', async () => (await targets()).includes('/number/9001'))
    const top = () => inspector.on<number>('#list', 'element.scrollTop')
    await inspector.tell({
      kind: 'changed',
      exchanges: [exchange(count + 2), exchange(count + 3)],
      removed: [],
      capture,
    })
    await see('the same rows, lower', async () => (await top()) === 1002 * 22)
    await inspector.page.getByText('3 older requests gave way to newer ones.').waitFor()
  })

  it('is used with the keyboard alone', async () => {
    await show()
    const { page } = inspector
    const selected = async () => (await inspector.asked()).filter(({ kind }) => kind === 'select').at(-1)
    const press = async (key: string, id: number) => {
      await page.keyboard.press(key)
      await see(`number ${id} selected after ${key}`, async () => {
        const last = await selected()
        return last?.kind === 'select' && last.id === id
      })
      await page.locator(`#row-${id}.selected`).waitFor()
    }
    await list().focus()
    await press('ArrowDown', count)
    await press('ArrowDown', count - 1)
    await press('ArrowUp', count)
    await press('End', 1)
    await press('Home', count)
    assert.equal(await list().getAttribute('aria-activedescendant'), `row-${count}`)
    await page.keyboard.press('PageDown')
    await see('a page further', async () => (await page.locator(`#row-${count}.selected`).count()) === 0)
    await press('Home', count)
    await inspector.tell({ kind: 'shown', exchange: shown(exchange(count)) })
    await page.keyboard.press('r')
    await page.keyboard.press('e')
    await see('a replay and an edit asked for', async () => {
      const kinds = (await inspector.asked()).map(({ kind }) => kind)
      return kinds.includes('replay') && kinds.includes('edit')
    })
    await page.locator('#detail-panel').waitFor()
    await page.keyboard.press('Enter')
    await page.locator('#detail-panel:focus').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('#list:focus').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('number/77 -7799')
    await see(
      'the list narrowed down',
      async () => (await targets()).length === 11 + 100 - 1 || (await targets())[0] === '/number/7798',
    )
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.locator('.detail').waitFor({ state: 'detached' })
  })

  it('comes back as it was after it was hidden', async () => {
    await show()
    await inspector.on('#list', 'element.scrollTop = 2000 * 22')
    await inspector.page.locator('#row-7990').click()
    await inspector.page.getByRole('textbox', { name: 'Filter requests' }).fill('number')
    await inspector.reload()
    await show()
    await inspector.page.locator('#row-7990.selected').waitFor()
    assert.equal(
      await inspector.page.getByRole('textbox', { name: 'Filter requests' }).inputValue(),
      'number',
    )
    assert.deepEqual((await inspector.asked()).at(-1), { kind: 'select', id: 7990 })
  })

  it('puts the list above the details where it is narrow', async () => {
    await show()
    await inspector.page.setViewportSize({ width: 420, height: 700 })
    await inspector.page.locator('.row').first().click()
    await inspector.tell({ kind: 'shown', exchange: shown(exchange(count)) })
    const [above, below] = await Promise.all([
      inspector.page.locator('section.list').boundingBox(),
      inspector.page.locator('section.detail').boundingBox(),
    ])
    assert.ok(above !== null && below !== null && below.y >= above.y + above.height && below.width > 400)
    const isWide = await inspector.on<boolean>('body', 'element.scrollWidth > element.clientWidth')
    assert.equal(isWide, false, 'nothing has to be scrolled to the side')
  })

  it('shows text of visitors as text', async () => {
    const evil = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    await inspector.tell(all([summary({ id: 1, target: `/${evil}`, method: 'GET' })]))
    await inspector.page.locator('.row').click()
    const fields = [{ name: evil, value: evil, isMasked: false }]
    await inspector.tell({
      kind: 'shown',
      exchange: {
        ...shown(summary({ id: 1, target: evil })),
        host: evil,
        request: { ...shown(summary()).request, fields },
      },
    })
    await inspector.page.locator('dt', { hasText: evil }).waitFor()
    assert.equal(await inspector.page.locator('img').count(), 0)
    assert.equal(await inspector.page.title(), 'Requests')
  })
})

function shown(of: ExchangeSummary): ShownExchange {
  const part = {
    fields: [{ name: 'Host', value: 'my-bot.example.com', isMasked: false }],
    trailers: [],
    body: {
      content: { kind: 'empty' },
      bytes: new Uint8Array(),
      size: 0,
      decodedSize: 0,
      mediaType: '',
      encodings: [],
      remarks: [],
    },
  } as const
  return {
    summary: of,
    protocol: 'HTTP/1.1',
    host: 'my-bot.example.com',
    request: part,
    response: { ...part, status: 200, reason: 'OK', isOurs: false, informed: [] },
    messages: undefined,
    secrets: 'none',
    comparison: undefined,
  }
}
