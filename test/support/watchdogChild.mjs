// Outlives the process that started it, by a moment: when its pipe closes, whatever ended that process,
// it kills the processes and removes the directories it was told of.
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { killTree } from './processTree.mjs'

const processes = new Set()
const directories = new Set()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, value] = JSON.parse(line)
    if (verb === 'watchProcess') processes.add(value)
    if (verb === 'forgetProcess') processes.delete(value)
    if (verb === 'watchDirectory') directories.add(value)
    if (verb === 'forgetDirectory') directories.delete(value)
  })
  .on('close', cleanUp)

function cleanUp() {
  for (const pid of [...processes].reverse()) killTree(pid)
  for (const path of directories) rmSync(path, { recursive: true, force: true, maxRetries: 20 })
  process.exit()
}
