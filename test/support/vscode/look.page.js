/* global document */
// Runs inside the VS Code window and is evaluated as one expression: what a person sees there now.
// look.ts types the result. The selectors are the same on the oldest and the current VS Code of the tests.
;(() => {
  return {
    quickInput: quickInput(),
    quickPickRows: quickPickRows(),
    toasts: all(document, '.notifications-toasts .notification-list-item').map(toast),
    modal: modal(),
    statusItems: all(document, '.statusbar-item[id]').filter(isVisible).map(statusItem),
    views: all(document, '.part.sidebar .pane').filter(isVisible).map(view),
  }

  function quickInput() {
    const widget = document.querySelector('.quick-input-widget')
    if (widget === null || !isVisible(widget)) return undefined
    const input = widget.querySelector('input.input')
    return {
      title: textOf(widget, '.quick-input-title'),
      placeholder: input?.placeholder ?? '',
      value: input?.value ?? '',
      isPassword: input?.type === 'password',
      message: textOf(widget, '.quick-input-message'),
      busy: widget.querySelector('.quick-input-progress.active') !== null,
    }
  }

  function quickPickRows() {
    const widget = document.querySelector('.quick-input-widget')
    if (widget === null || !isVisible(widget)) return { inSight: [], total: 0 }
    const rows = all(widget, '.quick-input-list .monaco-list-row').filter(isVisible)
    const inSight = rows.map((row) => ({
      index: Number(row.dataset.index),
      label: textOf(row, '.quick-input-list-row:first-child .label-name'),
      description: textOf(row, '.quick-input-list-row:first-child .label-description'),
      detail: textOf(row, '.quick-input-list-label-meta'),
      separator: textOf(row, '.quick-input-list-separator'),
      ariaLabel: plain(row.getAttribute('aria-label')),
      buttons: all(row, '.quick-input-list-entry-action-bar .action-label').map((button) =>
        plain(button.getAttribute('aria-label')),
      ),
    }))
    inSight.sort((a, b) => a.index - b.index)
    return { inSight, total: Number(rows[0]?.getAttribute('aria-setsize') ?? 0) }
  }

  function toast(element) {
    const icon = element.querySelector('.notification-list-item-icon')?.className ?? ''
    return {
      message: textOf(element, '.notification-list-item-message'),
      severity: ['info', 'warning', 'error'].find((kind) => icon.includes(`codicon-${kind}`)) ?? 'unknown',
      buttons: all(element, '.notification-list-item-buttons-container .monaco-button')
        .map((button) => plain(button.textContent))
        .filter((label) => label !== ''),
    }
  }

  function modal() {
    const box = document.querySelector('.monaco-dialog-box')
    if (box === null) return undefined
    const buttons = all(box, '.dialog-buttons .monaco-button')
    const focused = buttons.find((button) => button === document.activeElement)
    return {
      message: textOf(box, '.dialog-message-text'),
      detail: textOf(box, '.dialog-message-detail'),
      buttons: buttons.map((button) => plain(button.textContent)),
      focusedButton: focused === undefined ? undefined : plain(focused.textContent),
    }
  }

  function statusItem(item) {
    return {
      id: item.id,
      text: plain(item.textContent),
      icons: all(item, '.codicon').map(iconName),
      ariaLabel: plain(item.getAttribute('aria-label')),
      backgroundColor: ['warning', 'error'].find((kind) => item.classList.contains(`${kind}-kind`)) ?? 'none',
    }
  }

  function view(pane) {
    const rows = all(pane, '.pane-body .monaco-list-row').filter(isVisible)
    return {
      title: textOf(pane, '.pane-header .title'),
      welcome: textOf(pane, '.welcome-view-content'),
      rows: rows.sort((a, b) => a.dataset.index - b.dataset.index).map(treeRow),
    }
  }

  function treeRow(row) {
    return {
      label: textOf(row, '.label-name'),
      description: textOf(row, '.label-description'),
      icons: all(row, '.custom-view-tree-node-item-icon.codicon').map(iconName),
      ariaLabel: plain(row.getAttribute('aria-label')),
      level: Number(row.getAttribute('aria-level')),
    }
  }

  function iconName(icon) {
    const name = [...icon.classList].find(
      (one) => one.startsWith('codicon-') && !one.startsWith('codicon-modifier-'),
    )
    const modifier = [...icon.classList].find((one) => one.startsWith('codicon-modifier-'))
    const suffix = modifier === undefined ? '' : `~${modifier.slice('codicon-modifier-'.length)}`
    return (name ?? '').slice('codicon-'.length) + suffix
  }

  function all(parent, selector) {
    return [...parent.querySelectorAll(selector)]
  }

  function textOf(parent, selector) {
    const element = parent.querySelector(selector)
    return element === null || !isVisible(element) ? '' : plain(element.textContent)
  }

  function isVisible(element) {
    return element.getClientRects().length > 0
  }

  /** Icons stand between no-break spaces; a person sees one space. */
  function plain(text) {
    return (text ?? '').replace(/\s+/g, ' ').trim()
  }
})()
