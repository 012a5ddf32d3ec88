/** What the process was asked for, by the JSON in its first argument. Only this folder's own callers write it. */
export function requestOf(): unknown {
  return JSON.parse(process.argv[2] ?? '')
}

/** Writes what `work` resolves with as JSON, and ends the process with all that it holds. */
export function answer(work: Promise<object>): void {
  work.then((result) => {
    console.log(JSON.stringify(result))
    process.exit()
  }, fail)
}

/** Ends the process; whoever asked it is told. */
export function fail(error: unknown): never {
  console.error(error)
  process.exit(1)
}
