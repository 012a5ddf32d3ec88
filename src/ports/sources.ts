import type { Log } from '../base/log'
import { LinuxSource } from './linuxSource'
import type { PortSource } from './listeningPort'
import { MacosSource } from './macosSource'
import { runProgram } from './runProgram'
import { WindowsSource } from './windowsSource'

/** Where this OS tells what listens. A system we do not know may have lsof, as macOS does. */
export function portSourceFor(platform: NodeJS.Platform, log: Log): PortSource {
  if (platform === 'linux' || platform === 'android') return new LinuxSource(log)
  return platform === 'win32' ? new WindowsSource(runProgram, log) : new MacosSource(runProgram)
}
