import { canonicalAddress, type ListeningSocket } from './listeningPort'

/**
 * One PowerShell run that prints what `parseNetTcpConnections` reads. No double quotes: they would have
 * to survive two rules of quoting. UTF-8, because a command line may hold any character.
 */
export const listenersAsJson = [
  `$ErrorActionPreference = 'Stop'`,
  `$ProgressPreference = 'SilentlyContinue'`,
  `[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false`,
  `$sockets = @(Get-NetTCPConnection -State Listen | Select-Object LocalAddress, LocalPort, OwningProcess)`,
  `$pids = @($sockets | ForEach-Object { $_.OwningProcess } | Sort-Object -Unique)`,
  `$processes = @(Get-CimInstance Win32_Process -Property ProcessId, ParentProcessId, Name, CommandLine, ExecutablePath` +
    ` | Where-Object { $pids -contains $_.ProcessId }` +
    ` | Select-Object ProcessId, ParentProcessId, Name, CommandLine, ExecutablePath)`,
  `ConvertTo-Json -Compress -Depth 3 -InputObject @{ sockets = $sockets; processes = $processes }`,
].join('; ')

/**
 * The listeners that `listenersAsJson` printed; undefined when the text is not its output. Rows without
 * an address or a port are skipped; a process that has ended leaves its sockets without one.
 */
export function parseNetTcpConnections(text: string): readonly ListeningSocket[] | undefined {
  const answer = parseJson(text)
  if (!isRecord(answer) || !('sockets' in answer)) return undefined
  const processes = new Map(rows(answer['processes']).map((row) => [row['ProcessId'], row]))
  const sockets: ListeningSocket[] = []
  for (const { LocalAddress, LocalPort, OwningProcess } of rows(answer['sockets'])) {
    const address = typeof LocalAddress === 'string' ? canonicalAddress(LocalAddress) : undefined
    if (address === undefined || typeof LocalPort !== 'number') continue
    const row = processes.get(OwningProcess)
    sockets.push({
      address,
      port: LocalPort,
      process: processOf(row),
      parentPid: numberOf(row?.['ParentProcessId']),
    })
  }
  return sockets
}

type Row = Readonly<Record<string, unknown>>

function processOf(row: Row | undefined): ListeningSocket['process'] {
  const pid = numberOf(row?.['ProcessId'])
  const name = row?.['Name']
  if (pid === undefined || typeof name !== 'string') return undefined
  // Windows hides the command line of other users' processes; the path it may still tell.
  const command = [row?.['CommandLine'], row?.['ExecutablePath']].find(
    (text) => typeof text === 'string' && text !== '',
  )
  return typeof command === 'string' ? { pid, name, command: command.trim() } : { pid, name }
}

/** Windows PowerShell writes an array of one as its element, and some arrays as { value, Count }. */
function rows(value: unknown): readonly Row[] {
  if (Array.isArray(value)) return value.filter(isRecord)
  if (!isRecord(value)) return []
  return Array.isArray(value['value']) ? value['value'].filter(isRecord) : [value]
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function isRecord(value: unknown): value is Row {
  return typeof value === 'object' && value !== null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
}
