import type { Log } from '../base/log'
import type { Transport } from './transport'

/**
 * The processes on the server that served our connections. One whose connection was lost keeps its listeners
 * until it notices, and only such a one is ever ended.
 */
export class OwnSessions {
  private readonly serving = new WeakMap<Transport, ServerProcess>()
  private lost: readonly ServerProcess[] = []
  private runsNoCommands = false

  constructor(private readonly log: Log) {}

  /** Learns which process serves this connection, if the server tells. Never rejects. */
  async remember(transport: Transport): Promise<void> {
    if (this.runsNoCommands || this.serving.has(transport)) return
    try {
      const process = await findOwnSession(transport)
      if (process) this.serving.set(transport, process)
      else this.runsNoCommands = true
      this.log.debug(`the server's process for this connection: ${process?.pid ?? 'not known'}`)
    } catch (error) {
      // A locked server runs nothing, and is not asked again.
      this.runsNoCommands = transport.isOpen
      this.log.debug(`the server's process for this connection is not known: ${String(error)}`)
    }
  }

  /** Told of each transport that ended by itself. */
  onLost(transport: Transport): void {
    const process = this.serving.get(transport)
    if (process) this.lost = [...this.lost, process].slice(-mostLost)
  }

  /** What they held has been got back: there is nothing left to end them for. */
  forgetLost(): void {
    this.lost = []
  }

  /** Ends those that still run. Answers whether there was one. Never rejects. */
  async endLost(transport: Transport): Promise<boolean> {
    let ended = false
    for (const process of this.lost) {
      try {
        const isEnded = await endProcess(transport, process)
        if (isEnded) this.log.info(`ended our own lost session on the server (process ${process.pid})`)
        ended ||= isEnded
        this.lost = this.lost.filter((other) => other !== process)
      } catch (error) {
        this.log.debug(`our lost session could not be ended: ${String(error)}`)
      }
    }
    return ended
  }
}

const mostLost = 20

/** With its start time a process cannot be mistaken for another that was given the same number later. */
export interface ServerProcess {
  readonly pid: string
  readonly startedAt: string
}

/**
 * Asks which process serves this connection. Undefined where that cannot be learned.
 * @throws Error when the server runs no commands.
 */
export async function findOwnSession(transport: Transport): Promise<ServerProcess | undefined> {
  const printed = await transport.run(shell(`${describe}; d $PPID`))
  const [, pid, startedAt] = new RegExp(`^${mark} (\\d+) (${startPattern})$`, 'm').exec(printed) ?? []
  return pid === undefined || startedAt === undefined ? undefined : { pid, startedAt }
}

/**
 * Ends the process and waits for that. Answers false when it is not there, or is not the same any more.
 * @throws Error when the server runs no commands.
 */
export async function endProcess(transport: Transport, { pid, startedAt }: ServerProcess): Promise<boolean> {
  const isSame = `[ "$(d ${pid})" = "${mark} ${pid} ${startedAt}" ]`
  const wait = `for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 ${pid} || break; sleep 0.1; done`
  const printed = await transport.run(
    shell(`${describe}; ${isSame} && kill ${pid} && { ${wait}; echo ended; }`),
  )
  return /^ended$/m.test(printed)
}

const mark = 'expose-port-session'

/** Clock ticks since the machine started (proc(5)), or the date as ps prints it. No character means anything to sh. */
const startPattern = '[A-Za-z0-9: ]{1,40}'

/**
 * A shell function that prints the number and start time of a process if it is an SSH server's. /proc comes first:
 * the ps of BusyBox cannot tell. `set --` trims what ps pads.
 */
const describe = [
  'd() { c=$(cat /proc/$1/comm || ps -o comm= -p $1)',
  'case "${c##*/}" in sshd*|dropbear*) ;; *) return ;; esac',
  'p=$1',
  'if [ -r /proc/$1/stat ]; then set -- $(sed "s/.*) //" /proc/$1/stat | cut -d" " -f20)',
  'else set -- $(LC_ALL=C TZ=UTC ps -o lstart= -p $1); fi',
  `echo ${mark} $p $*; }`,
].join('; ')

/**
 * A command line that any login shell hands on to sh: there is no single quote in it. `exec`, so that sh is a
 * child of the SSH server and not of that shell.
 */
function shell(script: string): string {
  return `exec sh -c 'exec 2>/dev/null; ${script}'`
}
