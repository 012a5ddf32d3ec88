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
import type { ViewItem } from './viewItem'

/** A view of rows that are derived anew at each update; VS Code is told only when they have become others. */
export class ItemTree implements TreeDataProvider<ViewItem>, Disposable {
  private readonly owned = new DisposableStore()
  private readonly didChange = this.owned.add(new EventEmitter<undefined>())
  private readonly view: TreeView<ViewItem>
  /** What VS Code was given; undefined before it first asked. */
  private given: string | undefined

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
    if (this.given !== undefined) void this.refresh()
  }

  getTreeItem(item: ViewItem): TreeItem {
    return toTreeItem(item)
  }

  async getChildren(item?: ViewItem): Promise<ViewItem[]> {
    if (item !== undefined) return [...(item.children ?? [])]
    const items = await this.derive()
    this.given = JSON.stringify(items)
    return [...items]
  }

  dispose(): void {
    this.owned.dispose()
  }

  private async refresh(): Promise<void> {
    if (JSON.stringify(await this.derive()) !== this.given) this.didChange.fire(undefined)
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
