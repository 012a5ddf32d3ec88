/** Every command the extension registers. Those of `contributed` stand in package.json with their titles. */
export const commandIds = {
  expose: 'exposePort.expose',
  stop: 'exposePort.stop',
  stopAll: 'exposePort.stopAll',
  copyPublicUrl: 'exposePort.copyPublicUrl',
  openPublicUrl: 'exposePort.openPublicUrl',
  copySshCommand: 'exposePort.copySshCommand',
  showLog: 'exposePort.showLog',
} as const

/** Commands that only links and the status bar call. */
export const innerCommandIds = {
  retry: 'exposePort.retry',
  showProblem: 'exposePort.showProblem',
} as const
