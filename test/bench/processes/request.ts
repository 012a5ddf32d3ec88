/** What the process was asked for, by the JSON in its first argument. Only this folder's own callers write it. */
export function requestOf(): unknown {
  return JSON.parse(process.argv[2] ?? '')
}
