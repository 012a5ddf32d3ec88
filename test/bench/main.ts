import { measureAll } from './measure'
import { describeRun } from './machine'
import { readOptions, usage, type Options } from './options'
import { misses } from './result'
import { bounds, rowGroups } from './rows/all'
import { report } from './table'

/** Exits with 0 when all that was measured is as it should be, 1 when not, 2 when the arguments make no sense. */
async function main(args: readonly string[]): Promise<number> {
  const options = optionsOrRemark(args)
  if (typeof options === 'string') {
    tell(options)
    return 2
  }
  if (options.help) {
    console.log(usage)
    return 0
  }
  const { failures, ...results } = await measureAll(options, tell)
  console.log(options.json ? JSON.stringify(results) : report(describeRun(args), results))
  const wrong = [...failures, ...misses(results)]
  for (const line of wrong) tell(line)
  return wrong.length > 0 ? 1 : 0
}

function optionsOrRemark(args: readonly string[]): Options | string {
  try {
    return readOptions(args, { groups: rowGroups, bounds })
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Standard output is for the results alone. */
function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
