/**
 * How the script reaches the server: as the standard input of a shell that is root, so that no file of it is left
 * there. What the user's own login shell sees (it may be fish or csh) is constant and in single quotes; the arguments
 * travel with the script.
 */

/** Who runs the script, and how that one becomes root. */
export type RootAccess =
  | { readonly kind: 'root' }
  | { readonly kind: 'sudo' }
  | { readonly kind: 'sudo with password'; readonly password: string }

/** Tells who we are and whether sudo asks for a password. */
export const probeCommand = withStatus('echo "uid $(id -u)"; LC_ALL=C sudo -n true 2>&1')

/** Tries the password that stands on standard input. */
export const passwordCommand = withStatus('LC_ALL=C sudo -S -p "" true 2>&1')

/**
 * Runs what follows the line `mark` on its standard input. Whatever stands before that line is dropped: sudo reads the
 * password only when it wants one, and else the shell would run it.
 */
export function runCommand(access: RootAccess, mark: string): string {
  if (!/^[a-z0-9]+$/.test(mark)) throw new RangeError('a mark is a word')
  const become = access.kind === 'root' ? '' : 'LC_ALL=C sudo -S -p "" '
  const loop = `while IFS= read -r line; do case $line in ${mark}) exec sh -s;; esac; done; exit 1`
  return `${withStatus(`${become}sh -c "$1" 2>&1`)} sh '${loop}'`
}

/** Standard input for `runCommand`. */
export function runInput(
  access: RootAccess,
  { mark, script, args }: { mark: string; script: string; args: readonly string[] },
): string {
  const password = access.kind === 'sudo with password' ? `${access.password}\n` : ''
  // An editor or git on Windows may have changed the line ends.
  const text = script.replaceAll('\r\n', '\n')
  return `${password}${mark}\nset -- ${args.map(quote).join(' ')}\n${text}`
}

/** The exit code that `withStatus` printed last; undefined when the end did not come. */
export function readStatus(line: string): number | undefined {
  const [, code] = /^expose-status (\d+)$/.exec(line) ?? []
  return code === undefined ? undefined : Number(code)
}

/** A session says its exit code in a message of its own; a line of text comes in order with all others. */
function withStatus(command: string): string {
  return `exec sh -c '${command}; echo "expose-status $?"'`
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
