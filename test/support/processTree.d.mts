export function processTree(pid: number): number[]
export function childProcesses(pid: number): number[]
export function isRunning(pid: number): boolean
export function killTree(pid: number): void
export function signalProcess(pid: number, signal: NodeJS.Signals): void
