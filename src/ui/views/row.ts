import type { ViewItem } from './viewItem'

/**
 * A row as VS Code knows it: the same object for as long as its item has the same id, so that it can be drawn again
 * alone. Commands of the row are called with it.
 */
export class Row {
  private current: ViewItem
  private below: readonly Row[]

  constructor(item: ViewItem) {
    this.current = item
    this.below = (item.children ?? []).map((child) => new Row(child))
  }

  get item(): ViewItem {
    return this.current
  }
  get children(): readonly Row[] {
    return this.below
  }
  get port(): number | undefined {
    return this.current.port
  }
  get tunnelId(): number | undefined {
    return this.current.tunnelId
  }

  /**
   * Takes another item, and answers which of its children are to be drawn again; `all` when they are no longer the
   * same ones in the same order.
   */
  become(item: ViewItem): readonly Row[] | 'all' {
    const before = this.below
    const texts = new Map(before.map((row) => [row.item.id, { row, text: JSON.stringify(row.item) }]))
    const changed: Row[] = []
    this.current = item
    this.below = (item.children ?? []).map((child) => {
      const known = texts.get(child.id)
      if (known === undefined) return new Row(child)
      if (JSON.stringify(child) === known.text) return known.row
      known.row.become(child)
      changed.push(known.row)
      return known.row
    })
    const isSame = before.length === this.below.length && before.every((row, at) => row === this.below[at])
    return isSame ? changed : 'all'
  }
}
