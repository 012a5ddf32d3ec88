import { execFile } from 'node:child_process'

export interface Ran {
  readonly stdout: string
  /** 0 when all went well; programs such as lsof say 1 for "nothing found". */
  readonly exitCode: number
}

/** Runs a program without a shell; sources take one as an argument, so that tests can answer for the OS. */
export type RunProgram = (file: string, args: readonly string[], signal?: AbortSignal) => Promise<Ran>

/**
 * Runs `file` and gives its stdout as UTF-8. Rejects when it cannot be started, is killed, prints more
 * than 16 MB, takes longer than 20 s, or the signal is aborted.
 */
export const runProgram: RunProgram = (file, args, signal) =>
  new Promise((resolve, reject) => {
    const options = { maxBuffer: 16 << 20, timeout: 20_000, windowsHide: true, ...(signal && { signal }) }
    execFile(file, args, options, (error, stdout) => {
      if (!error) resolve({ stdout, exitCode: 0 })
      else if (typeof error.code === 'number') resolve({ stdout, exitCode: error.code })
      else reject(new Error(`${file}: ${error.message}`, { cause: error }))
    })
  })
