/** Every command the extension registers. Those of `contributed` stand in package.json with their titles. */
export const commandIds = {
  expose: 'exposePort.expose',
  addServer: 'exposePort.addServer',
  editServers: 'exposePort.editServers',
  prepareServer: 'exposePort.prepareServer',
  stop: 'exposePort.stop',
  stopAll: 'exposePort.stopAll',
  copyPublicUrl: 'exposePort.copyPublicUrl',
  openPublicUrl: 'exposePort.openPublicUrl',
  copySshCommand: 'exposePort.copySshCommand',
  changeName: 'exposePort.changeName',
  setUpWebhook: 'exposePort.setUpWebhook',
  restoreWebhook: 'exposePort.restoreWebhook',
  sendTestWebhookEvent: 'exposePort.sendTestWebhookEvent',
  showLog: 'exposePort.showLog',
} as const

/** Commands that only links and the status bar call. */
export const innerCommandIds = {
  retry: 'exposePort.retry',
  showProblem: 'exposePort.showProblem',
} as const
