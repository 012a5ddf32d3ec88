// Takes a listening socket from its parent and holds it.
process.on('message', (_message, server) => {
  globalThis.held = server
  process.send('held')
})
