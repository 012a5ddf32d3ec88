import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { findTool } from '../support/tools'

/** What a number means little without: when, on what, with what, and how to get it again. */
export function describeRun(args: readonly string[]): string {
  const cores = cpus()
  const date = new Date().toISOString().slice(0, 10)
  const machine = `${cores.length} cores of ${cores[0]?.model.trim() ?? 'an unknown CPU'}`
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args.map(word)] : [])].join(' ')
  return `${date}, ${machine}, ${memory}, Linux ${release()}, Node.js ${process.versions.node}, ${sshVersion()}: \`${command}\``
}

/** `OpenSSH_9.2p1`; ssh says it on standard error. */
function sshVersion(): string {
  const { stderr } = spawnSync(findTool('ssh'), ['-V'], { encoding: 'utf8' })
  return stderr.split(/[\s,]/)[0] ?? ''
}

function word(text: string): string {
  return /^[\w-]+$/.test(text) ? text : JSON.stringify(text)
}
