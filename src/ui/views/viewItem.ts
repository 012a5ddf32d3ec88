/** A row of a view; plain values, so that a table can test it. */
export interface ViewItem {
  /** The same for as long as the row means the same: what is selected or unfolded then stays so. */
  readonly id: string
  readonly label: string
  /** Follows the label, less prominent. */
  readonly description?: string
  /** A theme icon. */
  readonly icon?: string
  /** The theme colour of the icon. */
  readonly color?: string
  /** Markdown; the label and the description unless given. */
  readonly tooltip?: string
  /** For screen readers, without signs; the label and the description unless given. */
  readonly spoken?: string
  /** Says to package.json which commands the row offers. */
  readonly contextValue?: string
  /** What a click does, besides selecting. */
  readonly command?: string
  readonly children?: readonly ViewItem[]
  /** Of a row with children, until the person folds or unfolds it. */
  readonly isUnfolded?: boolean
  /** What the commands of the row act on. */
  readonly port?: number
  readonly tunnelId?: number
}

/** As the status bar marks them, in the colours that VS Code gives to rows. */
export const colors = {
  good: 'testing.iconPassed',
  warning: 'list.warningForeground',
  error: 'list.errorForeground',
} as const
