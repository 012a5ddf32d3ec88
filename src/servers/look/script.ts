import { quoted } from '../../base/shellWord'

/** A part of what a script printed, under its own heading. */
export interface Section {
  readonly name: string
  readonly detail: string
  readonly text: string
}

/** Splits what a script printed at its headings; what stands before the first, such as a greeting, is dropped. */
export function sectionsOf(printed: string): Section[] {
  return printed
    .split(`\n${heading} `)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      const line = end < 0 ? part : part.slice(0, end)
      const [, name = '', detail = ''] = /^(\S*) ?(.*)$/.exec(line) ?? []
      return { name, detail, text: end < 0 ? '' : part.slice(end + 1) }
    })
}

/** What stands under a heading; empty for nothing. */
export function textOf(sections: readonly Section[], name: string, detail?: string): string {
  const found = sections.find(
    (section) => section.name === name && (detail ?? section.detail) === section.detail,
  )
  return found?.text.trim() ?? ''
}

export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

const heading = '==expose-look=='

const prelude = `
LC_ALL=C; export LC_ALL
PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin"
exec 2>/dev/null
section() { printf '\\n${heading} %s\\n' "$*"; }
`

/**
 * What an ordinary user can learn, for any POSIX shell. `sshd -T` needs a host key of its own, which lies in a
 * directory that goes with the script; which configuration the running sshd has stands in the title of its process.
 * Any user of the server can start a process with the title of a proxy, so only those of the usual users count.
 * In braces, it has been read to its end before any of its commands could take it for input.
 */
export const factsScript = `${prelude}{
section user; id -un
section uid; id -u
section groups; id -Gn
section unprivileged; cat /proc/sys/net/ipv4/ip_unprivileged_port_start
section listeners; cat /proc/net/tcp /proc/net/tcp6 | grep -E '^ *(sl|[0-9]+: [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ 0A)' | head -c 65536

processes=$(ps -A -o user= -o args= | grep -E '(nginx: |caddy run|apache2|httpd)' | grep -v ' grep ' |
  awk -v me="$(id -un)" '{ cut = $1; sub(/[+]$/, "", cut) }
    $1 ~ /^(root|caddy|www-data|nginx|http|apache|nobody)$/ || $1 == me || (cut != $1 && index(me, cut) == 1)' | head -c 16384)
section processes; printf '%s\\n' "$processes"
for user in $(printf '%s\\n' "$processes" | awk '{ print $1 }' | sort -u); do
  section groupsof "$user"; id -Gn "$user"
done

section sshd
configuration=/etc/ssh/sshd_config
process=$$
for step in 1 2 3 4 5 6 7 8; do
  process=$(ps -o ppid= -p "$process" | tr -d ' ')
  [ -n "$process" ] || break
  named=$(ps -o args= -p "$process" | sed -n '/sshd/s/.* -f \\{0,1\\}\\([^ ]*\\).*/\\1/p')
  [ -n "$named" ] && configuration=$named && break
done
set -- $SSH_CONNECTION
connection="user=$(id -un),host=$1,addr=$1"
[ -n "$4" ] && connection="$connection,laddr=$3,lport=$4"
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT HUP INT TERM PIPE &&
  ssh-keygen -q -t ed25519 -N '' -f "$scratch/key" </dev/null >/dev/null &&
  sshd=$(command -v sshd) && "$sshd" -T -f "$configuration" -h "$scratch/key" -C "$connection"

seen=
show() {
  case $1 in */mime.types | *_params) return ;; esac
  case " $seen " in *" $1 "*) return ;; esac
  seen="$seen $1"
  [ -f "$1" ] && [ -r "$1" ] || return
  section file "$1"; head -c 131072 "$1"
}
# $1 a file, $2 where relative names begin, $3 how deep
follow() {
  show "$1"
  [ "$3" -ge 4 ] && return
  for pattern in $(sed -n 's/^[[:space:]]*include[[:space:]]\\{1,\\}\\([^;]*\\);.*/\\1/p' "$1" | tr -d "\\"'"); do
    case $pattern in /*) ;; *) pattern=$2/$pattern ;; esac
    for found in $pattern; do follow "$found" "$2" $(($3 + 1)); done
  done
}
for file in $(printf '%s\\n' "$processes" | sed -n '/nginx: master/s/.* -c \\{0,1\\}\\([^ ]*\\).*/\\1/p') /etc/nginx/nginx.conf; do
  [ -r "$file" ] || continue
  section nginxconfig "$file"
  for user in $(sed -n 's/^[[:space:]]*user[[:space:]]\\{1,\\}\\([^[:space:];]*\\).*/\\1/p' "$file"); do
    section groupsof "$user"; id -Gn "$user"
  done
  follow "$file" "\${file%/*}" 0
done
for file in $(printf '%s\\n' "$processes" | sed -n '/caddy run/s/.* --config[ =]\\([^ ]*\\).*/\\1/p') /etc/caddy/Caddyfile; do
  [ -r "$file" ] || continue
  section caddyconfig "$file"
  show "$file"
  section adapted "$file"
  case $file in
    *.json) head -c 262144 "$file" ;;
    *) caddy adapt --config "$file" --adapter caddyfile | head -c 262144 ;;
  esac
done
section end
} </dev/null
`

/** Who owns each directory, and whether this user may make files in it. */
export function directoryScript(paths: readonly string[]): string {
  return `${prelude}{
for directory in ${paths.map(quoted).join(' ')}; do
  section directory "$directory"
  if [ ! -d "$directory" ]; then echo absent
  elif [ -w "$directory" ] && [ -x "$directory" ]; then echo writable
  else echo present; fi
  stat -c '%a %U %G' "$directory" || stat -f '%Mp%Lp %Su %Sg' "$directory"
done
section end
} </dev/null
`
}
