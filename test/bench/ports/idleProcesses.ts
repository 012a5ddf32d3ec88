import type { Scope } from '../../support/scope'

/**
 * Starts processes that do nothing but be there, each with ten descriptors of which two are sockets: about what a
 * language server has. The scope ends them; they end by themselves when this process does.
 */
export async function startIdleProcesses(scope: Scope, count: number): Promise<void> {
  // They inherit the shell's: standard output and error are sockets of a pair (libuv).
  const files = [3, 4, 5, 6, 7, 8, 9].map((descriptor) => `${descriptor}</dev/null`).join(' ')
  const start = `exec ${files}; i=0; while [ $i -lt ${count} ]; do sleep 86400 & i=$((i+1)); done; echo started`
  // It sees their ends itself, so that the time they took counts as ours.
  const end = `read -r _; trap '' TERM; kill -TERM 0; wait`
  const shell = await scope.spawn('sh', ['-c', `${start}; ${end}`], {
    ...{ stdin: 'pipe', ready: /started/, readyTimeoutMs: 60_000 },
  })
  scope.add(() => {
    shell.child.stdin?.end()
    return shell.exited()
  })
}
