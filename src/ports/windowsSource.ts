import type { Log } from '../base/log'
import { listenersAsJson, parseNetTcpConnections } from './getNetTcpConnection'
import { groupByPort, type ListeningPort, type ListeningSocket, type PortSource } from './listeningPort'
import { parseNetstat, type NetstatListener } from './netstat'
import { portsUnreadable } from './portsUnreadable'
import type { RunProgram } from './runProgram'

/**
 * Windows: sockets and processes from PowerShell. A PowerShell run costs about a second of CPU, netstat a
 * few hundredths, so netstat tells whether anything changed and PowerShell is asked only then. Where
 * PowerShell is locked down, netstat's answer is all there is: no names.
 */
export class WindowsSource implements PortSource {
  private seen: string | undefined
  private failures = 0
  private ports: readonly ListeningPort[] = []

  /** `systemRoot` is where Windows is installed: %SystemRoot%. */
  constructor(
    private readonly run: RunProgram,
    private readonly log: Log,
    private readonly systemRoot = process.env['SystemRoot'] ?? 'C:\\Windows',
  ) {}

  async list(signal?: AbortSignal): Promise<readonly ListeningPort[]> {
    const listeners = await this.askNetstat(signal)
    const key = listeners?.map(({ address, port, pid }) => `${address} ${port} ${pid}`).join('\n')
    if (key !== undefined && key === this.seen) return this.ports
    const sockets = (await this.askPowerShell(signal)) ?? listeners
    if (!sockets) throw portsUnreadable('neither netstat nor PowerShell answered.', undefined)
    this.ports = groupByPort(sockets)
    this.seen = key
    return this.ports
  }

  private async askNetstat(signal?: AbortSignal): Promise<readonly NetstatListener[] | undefined> {
    try {
      const { stdout, exitCode } = await this.run(
        `${this.systemRoot}\\System32\\netstat.exe`,
        ['-ano'],
        signal,
      )
      return exitCode === 0 ? parseNetstat(stdout) : undefined
    } catch (error) {
      signal?.throwIfAborted()
      this.log.debug(`ports: netstat did not run: ${String(error)}`)
      return undefined
    }
  }

  private async askPowerShell(signal?: AbortSignal): Promise<readonly ListeningSocket[] | undefined> {
    if (this.failures >= PATIENCE) return undefined
    const file = `${this.systemRoot}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`
    try {
      const args = ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', listenersAsJson]
      const { stdout, exitCode } = await this.run(file, args, signal)
      const sockets = parseNetTcpConnections(stdout)
      if (sockets) this.failures = 0
      else this.giveUpSlowly(`exit code ${exitCode}`)
      return sockets
    } catch (error) {
      signal?.throwIfAborted()
      this.giveUpSlowly(String(error))
      return undefined
    }
  }

  private giveUpSlowly(reason: string): void {
    this.failures += 1
    this.log.warn(`ports: PowerShell did not list the listening ports, netstat does (no names): ${reason}`)
  }
}

// A policy that forbids PowerShell fails each time; a busy machine only now and then.
const PATIENCE = 3
