import {
  EventEmitter,
  MarkdownString,
  ThemeColor,
  ThemeIcon,
  TreeItem,
  TreeItemCollapsibleState,
  window,
  type TreeDataProvider,
  type TreeView,
} from 'vscode'
import { DisposableStore, toDisposable, type Disposable } from '../../base/disposable'
import { Row } from './row'
import type { ViewItem } from './viewItem'

/** A view of rows that are derived anew at each update; VS Code is told only which have become others. */
export class ItemTree implements TreeDataProvider<Row>, Disposable {
  private readonly owned = new DisposableStore()
  private readonly didChange = this.owned.add(new EventEmitter<Row[] | undefined>())
  private readonly view: TreeView<Row>
  private readonly root = new Row({ id: '', label: '' })
  /** A view that was never in sight is not derived. */
  private isAsked = false

  readonly onDidChangeTreeData = this.didChange.event

  /** `whileVisible` is called whenever the view comes in sight, and its result disposed when it is gone. */
  constructor(
    id: string,
    private readonly derive: () => readonly ViewItem[] | Promise<readonly ViewItem[]>,
    whileVisible: () => Disposable = () => toDisposable(() => undefined),
  ) {
    this.view = this.owned.add(window.createTreeView(id, { treeDataProvider: this, showCollapseAll: false }))
    let visible: Disposable | undefined
    const follow = (isVisible: boolean) => {
      visible?.dispose()
      visible = isVisible ? whileVisible() : undefined
      if (isVisible) this.update()
    }
    this.owned.add(toDisposable(() => visible?.dispose()))
    this.owned.add(this.view.onDidChangeVisibility((change) => follow(change.visible)))
    if (this.view.visible) follow(true)
  }

  update(): void {
    if (this.isAsked) void this.refresh()
  }

  getTreeItem({ item }: Row): TreeItem {
    return toTreeItem(item)
  }

  async getChildren(row?: Row): Promise<Row[]> {
    if (row !== undefined) return [...row.children]
    this.isAsked = true
    await this.renew()
    return [...this.root.children]
  }

  dispose(): void {
    this.owned.dispose()
  }

  /**
   * All are drawn again only when rows come or go: VS Code forgets them until it has asked for all of them anew, and
   * a command that is clicked meanwhile is not told of which row.
   */
  private async refresh(): Promise<void> {
    const changed = await this.renew()
    if (changed === 'all') this.didChange.fire(undefined)
    else if (changed.length > 0) this.didChange.fire([...changed])
  }

  private async renew(): Promise<readonly Row[] | 'all'> {
    return this.root.become({ ...this.root.item, children: await this.derive() })
  }
}

function toTreeItem(item: ViewItem): TreeItem {
  const { label, description = '' } = item
  const tree = new TreeItem(label, foldingOf(item))
  tree.id = item.id
  tree.description = description
  tree.tooltip = new MarkdownString(item.tooltip ?? '')
  tree.accessibilityInformation = { label: item.spoken ?? `${label} ${description}`.trim() }
  if (item.contextValue !== undefined) tree.contextValue = item.contextValue
  if (item.icon !== undefined) {
    tree.iconPath = new ThemeIcon(
      item.icon,
      item.color === undefined ? undefined : new ThemeColor(item.color),
    )
  }
  if (item.command !== undefined) {
    tree.command = { command: item.command, title: label, arguments: [item] }
  }
  return tree
}

function foldingOf({ children, isUnfolded = false }: ViewItem): TreeItemCollapsibleState {
  if (children === undefined) return TreeItemCollapsibleState.None
  return isUnfolded ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed
}
