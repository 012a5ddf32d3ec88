/** Every command the extension registers. Those of `contributed` stand in package.json with their titles. */
export const commandIds = {
  expose: 'exposePort.expose',
  exposePublicly: 'exposePort.exposePublicly',
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
  showRequests: 'exposePort.showRequests',
  setAccess: 'exposePort.setAccess',
  retry: 'exposePort.retry',
  showLog: 'exposePort.showLog',
} as const

/** Commands that only links and the status bar call. */
export const innerCommandIds = {
  showProblem: 'exposePort.showProblem',
} as const
