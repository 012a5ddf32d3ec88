import type { ListeningPort } from './listeningPort'

/** A kind of program that is recognised by its process or its port. */
export interface KnownProgram {
  /** Reads after "This is". */
  readonly what: string
  /** Reads after "Whoever knows the URL can"; absent when it is no worse than any app. */
  readonly consequence?: string
  /** The ports it listens on by default. */
  readonly ports?: readonly number[]
  /** Others are fond of these ports too: a process that is known counts only when its name matches. */
  readonly runsAs?: RegExp
  /** Matches the process's name, without `.exe`. */
  readonly name?: RegExp
  /** Matches the command line; what it captures, if anything, is the port. */
  readonly command?: RegExp
  /** It does not speak HTTP, and what we would ask in HTTP ends up in its log or worse. */
  readonly speaksOther?: true
  /** One connection, even an empty one, is all it takes before it ends or turns others away. */
  readonly oneClient?: true
}

/** What listens there, if it is something known: the process decides, then the port. */
export function knownProgram(listening: Pick<ListeningPort, 'port' | 'process'>): KnownProgram | undefined {
  return (
    known.find((program) => isProcess(program, listening)) ??
    known.find((program) => isPort(program, listening))
  )
}

/**
 * The same, but only when it is safe to act on: a port that others are fond of too is not enough while
 * the process is unknown.
 */
export function surelyKnownProgram(
  listening: Pick<ListeningPort, 'port' | 'process'>,
): KnownProgram | undefined {
  const program = knownProgram(listening)
  return listening.process || !program?.runsAs ? program : undefined
}

function isProcess(
  { name, command }: KnownProgram,
  { port, process }: Pick<ListeningPort, 'port' | 'process'>,
): boolean {
  if (!process) return false
  if (name?.test(process.name.replace(/\.exe$/i, ''))) return true
  const match = command?.exec(process.command ?? '')
  // `node --inspect=9300 app.js` listens on two ports, and only one is the debugger's.
  return match ? match[1] === undefined || Number(match[1]) === port : false
}

function isPort(
  { ports, runsAs }: KnownProgram,
  { port, process }: Pick<ListeningPort, 'port' | 'process'>,
): boolean {
  return ports?.includes(port) === true && (!process || !runsAs || runsAs.test(process.name))
}

const shell = 'try passwords and keys until one opens a shell on this machine'
const screen = 'see and control this screen'
const code = 'run any code on this machine'
const records = 'read and change everything in it, often without a password'
const messages = 'read and forge messages'

const other = { speaksOther: true } as const
const debuggerOfOne = { speaksOther: true, oneClient: true, consequence: code } as const
const database = { speaksOther: true, consequence: records } as const
const broker = { speaksOther: true, consequence: messages } as const

// Ports: IANA's registry and the programs' own documentation.
const known: readonly KnownProgram[] = [
  { what: 'an SSH server', ports: [22, 2222], name: /^(sshd|dropbear)/, consequence: shell, ...other },
  { what: 'a Telnet server', ports: [23], name: /telnetd$/, consequence: shell, ...other },
  {
    what: 'an FTP server',
    ports: [21],
    name: /ftpd$/,
    consequence: 'read or replace the files it serves',
    ...other,
  },
  {
    what: 'a mail server',
    ports: [25, 465, 587],
    name: /^(exim4?|sendmail|smtpd)$/,
    consequence: 'send mail in your name',
    ...other,
  },
  {
    what: 'Windows file sharing (SMB)',
    ports: [135, 139, 445],
    name: /^smbd$/,
    consequence: 'reach shared files and attack the system itself',
    ...other,
  },
  {
    what: 'a network file system (NFS)',
    ports: [111, 2049],
    name: /^(rpcbind|nfsd)/,
    consequence: 'read and change shared files',
    ...other,
  },
  { what: 'a directory (LDAP)', ports: [389, 636], name: /^slapd$/, consequence: 'read accounts', ...other },

  { what: 'a Remote Desktop', ports: [3389], name: /^xrdp/, consequence: screen, ...other },
  {
    what: 'a VNC screen',
    ports: [5900, 5901, 5902],
    name: /vnc|^screensharingd/i,
    consequence: screen,
    ...other,
  },
  { what: 'the X window system', name: /^(Xorg|Xwayland)/, consequence: screen, ...other },

  {
    what: 'the Docker daemon',
    ports: [2375, 2376],
    name: /^(dockerd|containerd)$/,
    consequence: 'start containers that own this machine',
  },
  {
    what: 'the Kubernetes API',
    ports: [6443, 10250, 10255, 16443],
    name: /^(kube-apiserver|kubelet|k3s)/,
    command: /kubectl(\.exe)?"? proxy/,
    consequence: 'control the cluster and what runs in it',
  },
  {
    what: 'etcd',
    ports: [2379, 2380],
    name: /^etcd$/,
    consequence: 'read and change every secret of the cluster',
  },
  { what: 'Consul', ports: [8500], name: /^consul$/, consequence: 'change services and often run commands' },

  {
    what: 'a PostgreSQL database',
    ports: [5432, 5433],
    name: /^(postgres|postmaster|pgbouncer)/,
    ...database,
  },
  { what: 'a MySQL database', ports: [3306, 33060], name: /^(mysqld|mariadbd)/, ...database },
  { what: 'a SQL Server database', ports: [1433, 1434], name: /^sqlservr/i, ...database },
  { what: 'an Oracle database', ports: [1521], name: /^(tnslsnr|oracle)/i, ...database },
  { what: 'a MongoDB database', ports: [27017, 27018, 27019], name: /^mongo[ds]$/, ...database },
  {
    what: 'a Redis database',
    ports: [6379, 6380],
    name: /^(redis-server|valkey-server|keydb-server|dragonfly)/,
    ...database,
    consequence: `${records}, and ${code}`,
  },
  { what: 'a Memcached cache', ports: [11211], name: /^memcached$/, ...database },
  { what: 'a Cassandra database', ports: [7199, 9042], command: /CassandraDaemon/, ...database },
  {
    what: 'an Elasticsearch index',
    ports: [9200, 9300],
    command: /elasticsearch|opensearch/i,
    consequence: records,
  },
  { what: 'a CouchDB database', ports: [5984], command: /couchdb/i, consequence: records },
  { what: 'a Neo4j database', ports: [7474, 7687], command: /neo4j/i, consequence: records },
  { what: 'an InfluxDB database', ports: [8086], name: /^influxd$/, consequence: records },
  { what: 'a ClickHouse database', name: /^clickhouse/, consequence: records },
  { what: 'a ZooKeeper server', ports: [2181], command: /zookeeper/i, ...database },

  { what: 'a RabbitMQ broker', ports: [5672, 25672], name: /^beam\.smp$/, ...broker },
  { what: 'a Kafka broker', ports: [9092], command: /kafka\.Kafka/, ...broker },
  { what: 'an MQTT broker', ports: [1883, 8883], name: /^mosquitto$/, ...broker },

  {
    what: 'a Node.js debugger',
    ports: [9229, 9230],
    command: /--inspect(?:-brk|-wait|-port)?=(?:\S*:)?(\d+)/,
    consequence: code,
  },
  {
    what: 'a browser under remote control',
    ports: [9222],
    command: /--remote-debugging-port=(\d+)/,
    consequence: 'read its cookies and act as you on every site',
  },
  {
    what: 'a Java debugger',
    ports: [5005],
    runsAs: /^java/,
    command: /jdwp\S*address=(?:\S*:)?(\d+)/,
    ...debuggerOfOne,
  },
  {
    what: 'a Python debugger',
    ports: [5678],
    runsAs: /^py/i,
    command: /debugpy\S*.* --listen (?:\S*:)?(\d+)/,
    ...debuggerOfOne,
  },
  { what: 'a Go debugger', ports: [2345], runsAs: /^(dlv|__debug_bin)/, name: /^dlv/, ...debuggerOfOne },
  { what: 'a native debugger', name: /^(gdbserver|lldb-server|debugserver)$/, ...debuggerOfOne },
  {
    what: 'the Android debug bridge',
    ports: [5037],
    name: /^adb$/,
    consequence: 'control the attached devices',
    ...other,
  },
  { what: 'a PHP interpreter (FastCGI)', name: /^php-fpm/, consequence: code, ...other },
  {
    what: 'a Jupyter server',
    ports: [8888],
    runsAs: /^(py|jupyter)/i,
    name: /^jupyter/,
    command: /jupyter|ipykernel/,
    consequence: code,
  },
  { what: 'an RStudio server', name: /^rserver$/, consequence: code },
  {
    what: 'an Ollama server',
    ports: [11434],
    name: /^ollama/,
    consequence: 'use your models and your graphics card',
  },

  { what: 'a print server', ports: [631], name: /^cupsd$/, consequence: 'print and change printers' },
  {
    what: 'an open proxy',
    ports: [1080, 3128],
    name: /^(squid|tinyproxy|danted?|sockd)$/,
    consequence: 'reach your network through this machine',
    ...other,
  },
  // `nc -l 3000` ends after its first connection.
  {
    what: 'netcat',
    name: /^(nc|ncat|netcat|nc\.openbsd|nc\.traditional)$/,
    speaksOther: true,
    oneClient: true,
  },
]
