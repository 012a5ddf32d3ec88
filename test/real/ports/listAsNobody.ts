import { silentLog } from '../../../src/base/log'
import { LinuxSource } from '../../../src/ports/linuxSource'

// Prints what listens, as seen by whoever runs this.
void new LinuxSource(silentLog).list().then((ports) => process.stdout.write(JSON.stringify(ports)))
