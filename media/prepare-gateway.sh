#!/bin/sh
# Turns a Debian or Ubuntu server into a gateway for Expose Port: named HTTPS URLs for tunnels over SSH.
# It needs root, and nothing but what a bare server has. `sh prepare-gateway.sh --help` says how to use it.
#
# What it relies on:
#   sshd_config(5), Match: a block in an included file ends with that file, so other users are not touched
#   sshd(8), SIGHUP: sshd reads its configuration again and keeps the connections it has
#   tmpfiles.d(5): makes the socket directory anew at each start of the machine
#   Caddyfile, on_demand_tls: Caddy asks a URL whether it may get a certificate; here it asks itself

set -eu
umask 022
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin

user=expose
sockets=/run/expose
settings=/etc/expose
dropin=/etc/ssh/sshd_config.d/00-expose.conf
caddyfile=/etc/caddy/Caddyfile
tmpfiles=/etc/tmpfiles.d/expose.conf
state=/var/lib/expose-gateway
caddy_pidfile=/run/expose-caddy.pid
admin_socket=/var/lib/caddy/admin.sock

usage() {
  cat <<'END'
Turns a Debian or Ubuntu server into a gateway for Expose Port.

  sh prepare-gateway.sh plan       --domain DOMAIN --key KEY   shows what install would do, and changes nothing
  sh prepare-gateway.sh install    --domain DOMAIN --key KEY   prepares the server; again: changes what differs
  sh prepare-gateway.sh add-key    --key KEY                   lets one more key in
  sh prepare-gateway.sh remove-key --key KEY                   locks a key out
  sh prepare-gateway.sh status                                 says what is there
  sh prepare-gateway.sh uninstall                              puts back what was there before

  --domain dev.example.com       tunnels become https://NAME.dev.example.com; *.dev.example.com leads to this server
  --key 'ssh-ed25519 AAAA…'      a public key in one line; may be given more than once
  --email you@example.com        where the certificate authority may write to
  --acme-directory https://…     another certificate authority than Caddy's own choice
  --acme-ca /path/to/root.pem    the root certificate that this authority's own HTTPS is signed with
  --dry-run                      with install: the same as plan
  --until-eof                    takes everything back when standard input ends before it is done

All of it needs root. Without systemd nothing starts Caddy with the machine: run install again after a restart.
END
}

# --- What is said -------------------------------------------------------------------------------------------------

# Whoever reads may have gone; that is no reason to stop half-way.
say() { printf '%s\n' "$*" 2>/dev/null || :; }

step() {
  step_number=$((step_number + 1))
  say "[$step_number/$step_count] $1"
}

note() { say "  $*"; }
warn() { say "warning: $*"; }

# fail MESSAGE ADVICE [FILE]: FILE holds what a program said.
fail() {
  say "error: $1"
  [ -z "${3:-}" ] || tail -n 8 "$3" | sed 's/^/said: /' || :
  say "advice: $2"
  exit 1
}

# Runs a program, shows what it says while it runs, and keeps it in $work/output. The answer is the program's.
show() {
  echo 1 >"$work/status"
  {
    "$@" 2>&1 </dev/null 3<&- 9>&- && echo 0 >"$work/status" || :
  } | tee "$work/output" | sed -u 's/^/    /' || :
  return "$(cat "$work/status")"
}

# Runs a program in silence and keeps what it said in $work/output.
quietly() { "$@" >"$work/output" 2>&1 </dev/null 3<&- 9>&-; }

# --- What can be taken back ---------------------------------------------------------------------------------------

# Each change is first written down as a line that undoes it: in $work/undo for this run, and in $state/journal for
# uninstall, there only the first time, so that it leads back to what was there before the first run.

journal() {
  printf '%s\n' "$*" >>"$work/undo"
  is_in_journal "$*" || printf '%s\n' "$*" >>"$state/journal"
}

is_in_journal() { [ -f "$state/journal" ] && grep -qxF -e "$1" "$state/journal"; }

# knows PATH: whether the journal already leads back to what stood there.
knows() { [ -f "$state/journal" ] && grep -qE "^(remove|restore|rmdir) $1( |\$)" "$state/journal"; }

# Writes down how PATH looks now, before it is changed.
save() {
  if knows "$1"; then
    if [ -e "$1" ]; then
      copy=$work/copy$(wc -l <"$work/undo" | tr -d ' ')
      cp -p "$1" "$copy"
      printf 'restore %s %s\n' "$1" "$copy" >>"$work/undo"
    else
      printf 'remove %s\n' "$1" >>"$work/undo"
    fi
  elif [ -e "$1" ]; then
    copy=$state/before$(printf %s "$1" | tr / _)
    cp -p "$1" "$copy"
    journal "restore $1 $copy"
  else
    journal "remove $1"
  fi
}

# take_back FILE: undoes the lines of FILE, the last one first. Fails when some could not be undone: they are left in
# $work/failed, in their order.
take_back() {
  : >"$work/failed"
  sed '1!G;h;$!d' "$1" >"$work/reversed"
  while read -r kind first rest; do
    case $kind in
      remove) rm -f "$first" ;;
      restore) cp -p "$rest" "$first.expose" && mv -f "$first.expose" "$first" ;;
      rmdir) [ ! -d "$first" ] || rmdir --ignore-fail-on-non-empty "$first" ;;
      sockets) rm -rf "$sockets" ;;
      account) remove_account "$first" ;;
      caddy) caddy_as_before "$first" ;;
      disable) quietly systemctl disable caddy ;;
      packages) purge $first $rest ;;
      # Last of all, and only of any use when every account could be removed.
      accounts) [ ! -s "$work/failed" ] && accounts_as_before ;;
    esac || {
      warn "This could not be taken back: $kind $first $rest"
      { echo "$kind $first $rest"; cat "$work/failed"; } >"$work/longer"
      mv "$work/longer" "$work/failed"
    }
  done <"$work/reversed"
  [ ! -s "$work/failed" ]
}

remove_account() {
  # Caddy's stays while its package does.
  if [ "$1" = caddy ] && is_installed caddy; then return 0; fi
  if id "$1" >/dev/null 2>&1; then
    end_processes "$1"
    quietly userdel "$1" || { cat "$work/output"; return 1; }
  fi
  if getent group "$1" >/dev/null; then quietly groupdel "$1"; fi
}

# Ends every process of a user: for "expose" these are the tunnels that are open.
end_processes() {
  uid=$(id -u "$1")
  for signal in TERM KILL KILL; do
    pids=$(awk -v uid="$uid" '/^Uid:/ && $2 == uid { split(FILENAME, part, "/"); print part[3] }' \
      /proc/[0-9]*/status 2>/dev/null || :)
    [ -n "$pids" ] || return 0
    kill -s "$signal" $pids 2>/dev/null || :
    sleep 0.5
  done
}

# dpkg refuses to remove what something else needs by now, where apt would remove that as well.
purge() {
  stop_caddy
  for package in "$@"; do is_left "$package" && echo "$package"; done >"$work/purge" || :
  [ -s "$work/purge" ] || return 0
  note "Removing $(tr '\n' ' ' <"$work/purge")"
  DEBIAN_FRONTEND=noninteractive quietly dpkg --purge $(cat "$work/purge") || :
  left=$(for package in $(cat "$work/purge"); do is_left "$package" && echo "$package"; done || :)
  [ -z "$left" ] || warn "Still needed by other packages, so kept:" $left
}

# useradd and userdel each leave the files before the last change beside the new ones, and a lock file.
account_backups='/etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /etc/.pwd.lock'

save_accounts() {
  is_in_journal accounts && return 0
  mkdir -p "$state/accounts"
  for file in $account_backups; do [ ! -f "$file" ] || cp -p "$file" "$state/accounts/"; done
  account_sums >"$state/accounts/sums"
  journal accounts
}

account_sums() { sha256sum /etc/passwd /etc/group /etc/shadow /etc/gshadow 2>/dev/null || :; }

# Only where nobody else has changed an account in the meantime.
accounts_as_before() {
  account_sums | cmp -s - "$state/accounts/sums" || return 0
  for file in $account_backups; do
    if [ -f "$state/accounts/${file##*/}" ]; then cp -p "$state/accounts/${file##*/}" "$file"; else rm -f "$file"; fi
  done
}

# --- What is written ----------------------------------------------------------------------------------------------

# put PATH MODE: writes $work/new there, for root, if anything differs; says so in $changed. Not in a pipe: a shell of
# its own would keep what it learned to itself.
put() {
  changed=no
  [ -f "$1" ] && cmp -s "$work/new" "$1" && [ "$(stat -c '%a %u %g' "$1")" = "$2 0 0" ] && return 0
  changed=yes
  if [ "$dry_run" = yes ]; then
    say "  write $1 (mode $2, owner root):"
    sed 's/^/      /' "$work/new"
    return 0
  fi
  save "$1"
  cp "$work/new" "$1.expose"
  chmod "$2" "$1.expose"
  mv -f "$1.expose" "$1"
  note "wrote $1"
}

# directory PATH: for root, if it is missing.
directory() {
  [ ! -d "$1" ] || return 0
  if [ "$dry_run" = yes ]; then
    note "make the directory $1"
  else
    journal "rmdir $1"
    mkdir -m 755 "$1"
  fi
}

sshd_settings() {
  cat <<END
# For the user "$user" only. Written by prepare-gateway.sh of Expose Port; its "uninstall" removes it.
Match User $user
    AuthorizedKeysFile $settings/authorized_keys
    AuthorizedKeysCommand none
    TrustedUserCAKeys none
    PubkeyAuthentication yes
    AuthenticationMethods publickey
    Banner $settings/banner
    DisableForwarding no
    AllowTcpForwarding remote
    PermitListen none
    AllowStreamLocalForwarding remote
    StreamLocalBindUnlink yes
    StreamLocalBindMask 0117
    GatewayPorts no
    MaxSessions 0
    PermitTTY no
    PermitUserRC no
    X11Forwarding no
    AllowAgentForwarding no
    PermitTunnel no
    ClientAliveInterval 15
    ClientAliveCountMax 3
END
}

banner() { echo "expose-gateway v=1 base=$domain dir=$sockets"; }

caddy_settings() {
  # Caddy counts the labels of a name from its end, from 0.
  label=$(printf %s "$domain" | tr -cd . | wc -c | tr -d ' ')
  label=$((label + 1))
  pattern=$(printf %s "$domain" | sed 's/\./\\./g')
  cat <<END
# Written by prepare-gateway.sh of Expose Port; its "uninstall" puts back what was here before.
{
	# A file that only root and Caddy can open, where any user of this machine could use a port.
	admin unix/$admin_socket
END
  [ -z "$email" ] || printf '\temail %s\n' "$email"
  [ -z "$acme_directory" ] || printf '\tacme_ca %s\n' "$acme_directory"
  [ -z "$acme_ca" ] || printf '\tacme_ca_root %s/acme-ca.pem\n' "$settings"
  cat <<END
	on_demand_tls {
		ask http://127.0.0.1/expose-gateway/ask
	}
}

# Caddy asks itself before it gets a certificate: yes where the tunnel's socket is there. No other user of this
# machine can listen on port 80 and answer in its place.
http://127.0.0.1 {
	route {
		@elsewhere not remote_ip 127.0.0.1
		respond @elsewhere 404
		@name vars_regexp name {query.domain} ^([a-z0-9][a-z0-9-]{0,62})\\.$pattern\$
		handle @name {
			@open file {
				root $sockets
				try_files {re.name.1}.sock
			}
			respond @open 200
		}
		respond 404
	}
}

*.$domain {
	tls {
		on_demand
	}
	reverse_proxy unix/$sockets/{labels.$label}.sock {
		flush_interval -1
	}
	handle_errors {
		header Content-Type "text/html; charset=utf-8"
		respond \`<!doctype html><meta charset="utf-8"><title>No tunnel</title><p>No tunnel is open under this name.\` 502
	}
}
END
}

# --- What is there ------------------------------------------------------------------------------------------------

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || :)" = installed ]; }

# Also when only half of it was installed, or its settings were left.
is_left() {
  case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || :) in '' | not-installed) return 1 ;; esac
}

has_systemd() { [ -d /run/systemd/system ]; }
is_prepared() { [ -f "$state/journal" ] && [ -f "$settings/banner" ]; }
prepared_domain() { sed -n 's/^expose-gateway v=1 base=\([^ ]*\) .*/\1/p' "$settings/banner"; }

# Prints "PID NAME" of the process that listens on a TCP port; nothing when none does.
listener() {
  inode=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port="$(printf ':%04X' "$1")\$" '$4 == "0A" && $2 ~ port { print $10; exit }')
  [ -n "$inode" ] || return 0
  link=$(find /proc/[0-9]*/fd -lname "socket:\\[$inode\\]" 2>/dev/null | head -n 1 || :)
  pid=${link#/proc/}
  pid=${pid%%/*}
  say "${pid:-?} $(cat "/proc/${pid:-none}/comm" 2>/dev/null || echo unknown)"
}

look() {
  [ -f /etc/debian_version ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    fail 'This is neither Debian nor Ubuntu.' 'Use Debian 12, Ubuntu 24.04 or newer; for others, set up nginx or Caddy by hand.'
  if has_systemd; then note 'systemd starts the services'; else note 'no systemd here: Caddy is started by this script'; fi
  look_at_sshd
  look_at_caddy
  for port in 80 443; do look_at_port "$port"; done
  free=$(df -Pk /var | awk 'NR == 2 { print $4 }')
  [ "$free" -ge 204800 ] ||
    fail "There are only $((free / 1024)) MB free in /var." 'Make 200 MB free, then run this again.'
  if command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q 'Status: active' &&
    ! ufw status | grep -qE '^443([ /]|$)'; then
    warn 'The firewall ufw may keep visitors out. Let them in: ufw allow 80/tcp; ufw allow 443/tcp'
  fi
  look_at_dns
}

look_at_sshd() {
  [ -x /usr/sbin/sshd ] || fail 'There is no OpenSSH server here.' 'Install it: apt-get install openssh-server'
  # Its directory is there whenever it runs; not where somebody prepares the server from a console.
  mkdir -p -m 755 /run/sshd
  quietly sshd -t ||
    fail 'The configuration of sshd has a fault already (sshd -t), so nothing was changed.' \
      'Correct it, then run this again.' "$work/output"
  grep -qiE '^[[:space:]]*include[[:space:]]+("?)/etc/ssh/sshd_config\.d/\*\.conf' /etc/ssh/sshd_config ||
    fail '/etc/ssh/sshd_config does not include /etc/ssh/sshd_config.d.' \
      'Put this line at its top, then run this again: Include /etc/ssh/sshd_config.d/*.conf'
  effective "$user" >"$work/effective"
  for list in allowusers allowgroups; do
    if grep -q "^$list " "$work/effective" && ! grep -qE "^$list ($user|\*)\$" "$work/effective"; then
      keeps_out "$list"
    fi
  done
  for list in denyusers denygroups; do
    if grep -qE "^$list ($user|\*)\$" "$work/effective"; then keeps_out "$list"; fi
  done
}

keeps_out() {
  grep "^$1 " "$work/effective" >"$work/output"
  fail "sshd would not let the user \"$user\" log in, because of $1." \
    "Correct $1 in the configuration of sshd for \"$user\", then run this again." "$work/output"
}

# The settings of sshd that hold for a user.
effective() { sshd -T -C "user=$1,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" 2>/dev/null; }

look_at_caddy() {
  is_installed caddy && ! knows "$caddyfile" || return 0
  [ -f "$caddyfile" ] || return 0
  shipped=$(dpkg-query -W -f '${Conffiles}\n' caddy | awk -v file="$caddyfile" '$1 == file { print $2 }')
  [ "$(md5sum <"$caddyfile" | cut -d ' ' -f 1)" = "$shipped" ] ||
    fail "Caddy is set up here already: $caddyfile has been changed." \
      "Keep it, and choose this server with Add Server instead; or move $caddyfile away, then run this again."
}

look_at_port() {
  owner=$(listener "$1")
  case $owner in
    '') return 0 ;;
    *' caddy') if is_installed caddy; then return 0; fi ;;
  esac
  fail "Port $1 is in use by ${owner#* } (process ${owner%% *})." \
    "Stop ${owner#* } if it is not needed, then run this again; or keep it as the reverse proxy, and choose this server with Add Server instead."
}

# Warns only: the names can be set up later, and behind a NAT this machine does not know its public address.
look_at_dns() {
  own=$(hostname -I 2>/dev/null || :)
  for name in "$domain" "expose-$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n').$domain"; do
    found=$(timeout 10 getent ahosts "$name" 2>/dev/null | awk '{ print $1 }' | sort -u | tr '\n' ' ' || :)
    if [ -z "$found" ]; then
      [ "$name" = "$domain" ] || warn "*.$domain does not resolve: make a DNS record for *.$domain that leads to this server."
      continue
    fi
    for address in $found; do
      case " $own " in *" $address "*) continue 2 ;; esac
    done
    warn "$name leads to ${found% }, and the addresses of this machine are ${own% }. That is right only behind a NAT."
  done
}

# --- Caddy and sshd as they run -----------------------------------------------------------------------------------

caddy_pid() {
  if has_systemd; then
    systemctl show -p MainPID --value caddy 2>/dev/null | grep -v '^0$' || :
  elif [ -f "$caddy_pidfile" ] && pid=$(cat "$caddy_pidfile") &&
    [ "$(readlink "/proc/$pid/exe" 2>/dev/null || :)" = /usr/bin/caddy ]; then
    echo "$pid"
  fi
}

as_caddy() {
  env -i HOME=/var/lib/caddy PATH="$PATH" setpriv --reuid caddy --regid caddy --init-groups "$@"
}

start_caddy() {
  if has_systemd; then
    quietly systemctl start caddy
    return
  fi
  # What starts here outlives this script, so it may hold none of its files. Only root can write the number.
  setsid sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$caddy_pidfile" \
    env -i HOME=/var/lib/caddy PATH="$PATH" \
    setpriv --reuid caddy --regid caddy --init-groups \
    --inh-caps +net_bind_service --ambient-caps +net_bind_service \
    caddy run --config "$caddyfile" --adapter caddyfile </dev/null >>/var/log/caddy/caddy.log 2>&1 3<&- 9>&- &
}

reload_caddy() {
  if has_systemd; then
    quietly systemctl reload caddy
  else
    quietly as_caddy caddy reload --config "$caddyfile" --adapter caddyfile --address "unix/$admin_socket" --force
  fi
}

stop_caddy() {
  pid=$(caddy_pid)
  [ -n "$pid" ] || return 0
  if has_systemd; then
    quietly systemctl stop caddy
  else
    kill "$pid" 2>/dev/null || :
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.5
    done
    kill -KILL "$pid" 2>/dev/null || :
    rm -f "$caddy_pidfile"
  fi
}

# caddy_as_before running|stopped: for a Caddy that was here first, after its Caddyfile was put back.
caddy_as_before() {
  stop_caddy
  if [ "$1" = running ] && has_systemd; then quietly systemctl start caddy; fi
}

# SIGHUP, never a restart: the connections that are open stay.
reload_sshd() {
  quietly sshd -t || return 1
  if has_systemd; then
    # Where each connection is given an sshd of its own by ssh.socket, there is nobody to tell.
    systemctl is-active -q ssh.service || return 0
    quietly systemctl reload ssh.service
  else
    pidfile=$(effective root | awk '$1 == "pidfile" { print $2 }')
    [ -f "$pidfile" ] || return 0
    pid=$(cat "$pidfile")
    [ "$(cat "/proc/$pid/comm" 2>/dev/null || :)" = sshd ] || return 0
    kill -HUP "$pid"
  fi
}

sshd_listens() {
  port=$(effective root | awk '$1 == "port" { print $2; exit }')
  [ -n "$(listener "$port")" ]
}

# eventually SECONDS COMMAND…
eventually() {
  tries=$(($1 * 4))
  shift
  while [ "$tries" -gt 0 ]; do
    if "$@"; then return 0; fi
    tries=$((tries - 1))
    sleep 0.25
  done
  return 1
}

serves() {
  for port in 80 443; do
    case $(listener "$port") in *' caddy') ;; *) return 1 ;; esac
  done
}

# Asks Caddy as Caddy does: a name without a tunnel must not get a certificate. perl is on every Debian.
refuses_unknown_names() {
  perl -MIO::Socket::INET -e '
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:80", Timeout => 5) or exit 1;
    print $socket "GET /expose-gateway/ask?domain=$ARGV[0] HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
    exit(<$socket> =~ m{^HTTP/1\.[01] 404 } ? 0 : 1)' "no-tunnel-$$.$domain"
}

# --- The steps ----------------------------------------------------------------------------------------------------

install_packages() {
  wanted=
  for package in caddy ca-certificates; do is_installed "$package" || wanted="$wanted $package"; done
  if [ -z "$wanted" ]; then note 'nothing to install'; fi
  if [ "$dry_run" = no ] && is_installed caddy && ! grep -qsE '^(caddy|packages .*\bcaddy\b)' "$state/journal"; then
    if [ -n "$(caddy_pid)" ]; then journal 'caddy running'; else journal 'caddy stopped'; fi
  fi
  [ -n "$wanted" ] || return 0
  if [ "$dry_run" = yes ]; then
    note "install$wanted and what they need, by apt-get"
    return 0
  fi
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  show apt-get -q -o DPkg::Lock::Timeout=120 update || warn 'apt-get update failed; going on with what it knew before.'
  [ -n "$(apt-cache madison caddy 2>/dev/null)" ] ||
    fail 'This release has no package "caddy".' \
      'Use Debian 12, Ubuntu 24.04 or newer (with "universe"), or add the package source of Caddy itself.'
  save_accounts
  id caddy >/dev/null 2>&1 || journal 'account caddy'
  # Written down before it is done, like everything else. What is upgraded shows its old version in brackets.
  new=$(install_by_apt -s $wanted 2>/dev/null | awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }' | tr '\n' ' ')
  [ -z "$new" ] || journal "packages $new"
  hold_services
  result=0
  show install_by_apt $wanted || result=1
  release_services
  [ "$result" = 0 ] || fail 'apt-get could not install Caddy.' 'Correct what apt-get says, then run this again.' "$work/output"
}

install_by_apt() {
  apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confold install "$@"
}

# A package starts its service at once, with settings that are not ours (invoke-rc.d(8), policy-rc.d).
hold_services() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  held=yes
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
}

release_services() {
  [ "$held" = no ] || rm -f /usr/sbin/policy-rc.d
  held=no
}

create_user() {
  if id "$user" >/dev/null 2>&1; then
    is_in_journal "account $user" ||
      fail "There is a user \"$user\" here already, made by somebody else." 'Rename that user, then run this again.'
    note 'it is there already'
  elif [ "$dry_run" = yes ]; then
    note "useradd: system user \"$user\" without a password, a shell or a home"
  else
    save_accounts
    journal "account $user"
    # "*" is no password; "!" would mean locked, and without PAM sshd lets no locked user in, by no means.
    quietly useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
      --comment 'Expose Port' --password '*' "$user" ||
      fail 'useradd could not make the user.' 'Correct what useradd says, then run this again.' "$work/output"
  fi
}

write_keys() {
  directory "$settings"
  { grep -sv '^$' "$settings/authorized_keys" || :; } >"$work/keys"
  while read -r type blob comment; do
    cut -d ' ' -f 2,3 "$work/keys" | grep -qxF "$type $blob" ||
      printf 'restrict,port-forwarding %s\n' "$type $blob${comment:+ $comment}" >>"$work/keys"
  done <"$work/given"
  cp "$work/keys" "$work/new"
  put "$settings/authorized_keys" 644
}

write_sshd_settings() {
  if [ "$dry_run" = no ]; then
    # As it will be: the file comes first among those that are included.
    sshd_settings >"$work/dropin"
    { echo "Include $work/dropin"; cat /etc/ssh/sshd_config; } >"$work/sshd_config"
    quietly sshd -t -f "$work/sshd_config" ||
      fail 'sshd does not accept the new settings, so they were not put in place.' \
        'This version of sshd may be too old; use Debian 12, Ubuntu 24.04 or newer.' "$work/output"
    effective root >"$work/root-before"
  fi
  sshd_settings >"$work/new"
  put "$dropin" 644
  sshd_changed=$changed
  [ "$dry_run" = no ] || return 0
  quietly sshd -t ||
    fail 'sshd does not accept the new settings (sshd -t).' 'They are taken back.' "$work/output"
  effective root | cmp -s - "$work/root-before" ||
    fail 'The new settings of sshd would change other users too.' \
      "They are taken back. Look for what stands before the Include line in /etc/ssh/sshd_config."
  effective "$user" | grep -qx "banner $settings/banner" ||
    fail "The new settings of sshd do not reach the user \"$user\"." \
      'They are taken back. Put the line "Include /etc/ssh/sshd_config.d/*.conf" at the top of /etc/ssh/sshd_config.'
}

make_socket_directory() {
  directory "${tmpfiles%/*}"
  echo "d $sockets 2750 $user caddy -" >"$work/new"
  put "$tmpfiles" 644
  if [ "$dry_run" = yes ]; then
    note "make the directory $sockets (mode 2750, owner $user, group caddy)"
    return 0
  fi
  [ -d "$sockets" ] || journal sockets
  if [ "$(stat -c '%a %U %G' "$sockets" 2>/dev/null || :)" != "2750 $user caddy" ]; then
    mkdir -p "$sockets"
    chown "$user:caddy" "$sockets"
    chmod 2750 "$sockets"
  fi
}

write_caddy_settings() {
  if [ -n "$acme_ca" ]; then
    cp "$acme_ca" "$work/new"
    put "$settings/acme-ca.pem" 644
  fi
  if [ "$dry_run" = no ]; then
    caddy_settings >"$work/Caddyfile"
    quietly env HOME="$work" caddy validate --adapter caddyfile --config "$work/Caddyfile" ||
      fail 'Caddy does not accept the new settings (caddy validate), so they were not put in place.' \
        'This version of Caddy may be too old; it must be 2.6 or newer.' "$work/output"
    caddy_was_ours=no
    ! knows "$caddyfile" || caddy_was_ours=yes
    directory "${caddyfile%/*}"
  fi
  caddy_settings >"$work/new"
  put "$caddyfile" 644
  caddy_changed=$changed
}

bring_into_force() {
  if [ "$dry_run" = yes ]; then
    note 'sshd reads its settings again (SIGHUP; open connections stay), after sshd -t'
    note 'start Caddy, or let it read its settings again, after caddy validate'
    return 0
  fi
  if [ "$sshd_changed" = yes ]; then
    sshd_reloaded=yes
    reload_sshd && eventually 10 sshd_listens ||
      fail 'sshd could not read its settings again.' 'They are taken back.' "$work/output"
    note 'sshd has read its settings again'
  fi
  if [ -z "$(caddy_pid)" ]; then
    start_caddy || fail 'Caddy did not start.' 'Look at: journalctl -u caddy' "$work/output"
    note 'Caddy is started'
  elif [ "$caddy_changed" = yes ] && [ "$caddy_was_ours" = yes ]; then
    reload_caddy || fail 'Caddy could not read its settings again.' 'They are taken back.' "$work/output"
    note 'Caddy has read its settings again'
  elif [ "$caddy_changed" = yes ]; then
    # What ran until now listens for orders elsewhere.
    stop_caddy && start_caddy || fail 'Caddy did not start.' 'Look at: journalctl -u caddy' "$work/output"
    note 'Caddy is started anew'
  else
    note 'nothing to do'
  fi
  if has_systemd && ! systemctl is-enabled -q caddy; then
    journal 'disable caddy'
    quietly systemctl enable caddy || warn 'Caddy could not be told to start with the machine: systemctl enable caddy'
  fi
}

check() {
  [ "$dry_run" = no ] || { note 'Caddy listens on 80 and 443, and refuses a name without a tunnel'; return 0; }
  eventually 15 serves || {
    caddy_log >"$work/output"
    fail 'Caddy does not listen on the ports 80 and 443.' 'Correct what Caddy says, then run this again.' "$work/output"
  }
  eventually 5 refuses_unknown_names ||
    fail 'Caddy does not refuse a name that has no tunnel.' "Look at $caddyfile."
  sshd_listens || fail 'sshd does not listen.' 'Do not close this connection before sshd runs again: systemctl restart ssh'
  note 'sshd and Caddy are ready'
}

caddy_log() {
  if has_systemd; then journalctl -q -u caddy -n 8 --no-pager || :; else tail -n 8 /var/log/caddy/caddy.log || :; fi
}

# What was said when it was prepared counts until something else is said.
keep_authority() {
  tab=$(printf '\t')
  [ -n "$acme_directory" ] || acme_directory=$(sed -n "s/^${tab}acme_ca //p" "$caddyfile")
  [ -n "$email" ] || email=$(sed -n "s/^${tab}email //p" "$caddyfile")
  if [ -z "$acme_ca" ] && [ -f "$settings/acme-ca.pem" ]; then acme_ca=$settings/acme-ca.pem; fi
}

install() {
  step_count=9
  [ -n "$domain" ] || wrong 'install needs --domain'
  [ -s "$work/given" ] || is_prepared || wrong 'install needs --key'
  if is_prepared; then keep_authority; fi
  step 'Look at the server'
  look
  [ "$dry_run" = yes ] || begin
  step 'Install Caddy'
  install_packages
  step "Create the locked user \"$user\""
  create_user
  step 'Write the keys and the banner'
  write_keys
  banner >"$work/new"
  put "$settings/banner" 644
  step 'Write the settings of sshd'
  write_sshd_settings
  step 'Make the directory of the sockets'
  make_socket_directory
  step 'Write the settings of Caddy'
  write_caddy_settings
  step 'Bring the settings into force'
  bring_into_force
  step 'Check'
  check
  if [ "$dry_run" = yes ]; then
    say 'done: nothing was changed'
  else
    commit
    say "done: https://NAME.$domain leads to tunnels of the user \"$user\" of this server"
  fi
}

add_key() {
  step_count=1
  [ -s "$work/given" ] || wrong 'add-key needs --key'
  must_be_prepared
  begin
  step 'Add the key'
  write_keys
  [ "$changed" = yes ] || note 'it is there already'
  commit
  say "done: keys that may open tunnels: $(grep -c . "$settings/authorized_keys")"
}

remove_key() {
  step_count=1
  [ -s "$work/given" ] || wrong 'remove-key needs --key'
  must_be_prepared
  begin
  step 'Remove the key'
  cp "$settings/authorized_keys" "$work/keys"
  while read -r type blob _; do
    awk -v type="$type" -v blob="$blob" '$2 != type || $3 != blob' "$work/keys" >"$work/fewer"
    mv "$work/fewer" "$work/keys"
  done <"$work/given"
  cp "$work/keys" "$work/new"
  put "$settings/authorized_keys" 644
  [ "$changed" = yes ] || note 'it is not there'
  [ -s "$work/keys" ] || warn 'No key is left: nobody can open a tunnel.'
  commit
  say "done: keys that may open tunnels: $(grep -c . "$settings/authorized_keys" || :); what is open stays open"
}

status() {
  if ! is_prepared; then
    say 'prepared: no'
    return 0
  fi
  say 'prepared: yes'
  say "domain: $(prepared_domain)"
  say "directory: $sockets"
  if [ -n "$(caddy_pid)" ]; then say 'caddy: running'; else say 'caddy: stopped'; fi
  if effective "$user" | grep -qx "banner $settings/banner"; then say 'sshd: set up'; else say 'sshd: not set up'; fi
  while read -r _ key; do
    say "key: $(printf '%s\n' "$key" | ssh-keygen -l -f -)"
  done <"$settings/authorized_keys"
}

uninstall() {
  step_count=2
  if [ ! -f "$state/journal" ]; then
    say 'done: this server is not prepared, so nothing was changed'
    return 0
  fi
  lock
  step 'Look at the server'
  quietly sshd -t ||
    fail 'The configuration of sshd has a fault (sshd -t), so nothing was changed.' \
      'Correct it, then run this again.' "$work/output"
  step 'Put back what was there before'
  # From here on only to the end.
  trap '' HUP INT TERM
  cp "$state/journal" "$work/undo"
  # sshd first, so that nobody logs in while the rest goes.
  rm -f "$dropin"
  reload_sshd || warn 'sshd could not read its settings again; it still has those from before.'
  take_back "$work/undo" || {
    cp "$work/failed" "$state/journal"
    fail 'Not everything could be put back.' 'Correct what the warnings say, then run uninstall again.' "$work/output"
  }
  rm -rf "$state"
  say 'done: the server is as it was before'
}

must_be_prepared() {
  is_prepared || fail 'This server is not prepared yet.' 'Run install first.'
}

# --- A run: all of it, or nothing ---------------------------------------------------------------------------------

begin() {
  mkdir -p -m 700 "$state"
  lock
  if [ -f "$state/journal" ]; then cp -p "$state/journal" "$work/journal"; fi
  : >>"$work/undo"
  running=yes
}

# One at a time.
lock() {
  exec 9<"$state"
  flock -n 9 || fail 'Somebody else is preparing this server at this moment.' 'Wait until that is done, then run this again.'
}

commit() { running=no; }

finish() {
  result=$?
  trap '' HUP INT TERM
  set +e
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
  release_services
  if [ "$running" = yes ]; then
    running=no
    say 'Taking everything back'
    take_back "$work/undo" && taken_back=yes || taken_back=no
    [ "$sshd_reloaded" = no ] || reload_sshd || warn 'sshd could not read its settings again.'
    if [ -f "$work/journal" ]; then
      cp -p "$work/journal" "$state/journal"
      if [ "$caddy_was_ours" = yes ] && [ "$caddy_changed" = yes ]; then reload_caddy; fi
    elif [ "$taken_back" = yes ]; then
      rm -rf "$state"
    else
      cp "$work/failed" "$state/journal"
    fi
    if [ "$taken_back" = yes ]; then
      say 'taken back: the server is as it was before'
    else
      warn 'Not everything was taken back. Correct what the warnings say, then run uninstall.'
    fi
  fi
  rm -rf "$work"
  exit "$result"
}

# --- The arguments ------------------------------------------------------------------------------------------------

wrong() { fail "$1." 'See: sh prepare-gateway.sh --help'; }

read_domain() {
  domain=$(printf %s "$1" | tr 'A-Z' 'a-z')
  case $domain in
    *[!a-z0-9.-]*) wrong 'The domain may hold letters, digits, dots and dashes only' ;;
  esac
  # 189: a name below it of 63 characters makes 253 (RFC 1035 2.3.4).
  [ ${#domain} -le 189 ] && printf '%s\n' "$domain" |
    grep -qE '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$' ||
    wrong "\"$domain\" is not a domain such as dev.example.com"
}

read_key() {
  case $1 in
    *'
'*) wrong 'A key is one line' ;;
  esac
  printf '%s\n' "$1" | tr -cd '[:print:]\n' >"$work/key"
  read -r type blob comment <"$work/key" || :
  case $type in
    ssh-ed25519 | ssh-rsa | ecdsa-sha2-nistp256 | ecdsa-sha2-nistp384 | ecdsa-sha2-nistp521) ;;
    sk-ssh-ed25519@openssh.com | sk-ecdsa-sha2-nistp256@openssh.com) ;;
    *) wrong 'A key begins with its type, such as ssh-ed25519' ;;
  esac
  case $blob in
    '' | *[!A-Za-z0-9+/=]*) wrong 'This is not a public key' ;;
  esac
  ssh-keygen -l -f "$work/key" >/dev/null 2>&1 || wrong 'This is not a public key'
  printf '%s\n' "$type $blob${comment:+ $comment}" >>"$work/given"
}

read_email() {
  case $1 in
    *[!A-Za-z0-9.@_+-]* | *@*@* | @* | *@) wrong 'This is not an email address' ;;
    *@*) email=$1 ;;
    *) wrong 'This is not an email address' ;;
  esac
}

read_acme_directory() {
  case $1 in
    *[!A-Za-z0-9.:/_~-]*) wrong 'The directory of the certificate authority is not an https:// URL' ;;
    https://?*) acme_directory=$1 ;;
    *) wrong 'The directory of the certificate authority is not an https:// URL' ;;
  esac
}

read_acme_ca() {
  grep -qs -e '-----BEGIN CERTIFICATE-----' "$1" || wrong "$1 holds no certificate"
  acme_ca=$1
}

# When the other side has gone, or wants no more of this, all is taken back.
watch_input() {
  (
    while read -r _ <&3; do :; done
    kill -TERM "$main"
  ) >/dev/null 2>&1 9>&- &
  watcher=$!
}

main() {
  command=${1:---help}
  case $command in
    -h | --help | help)
      usage
      return 0
      ;;
    plan | install | add-key | remove-key | status | uninstall) shift ;;
    *)
      usage >&2
      return 2
      ;;
  esac
  domain='' email='' acme_directory='' acme_ca='' dry_run=no until_eof=no
  step_number=0 running=no held=no watcher='' main=$$ changed=no
  sshd_changed=no sshd_reloaded=no caddy_changed=no caddy_was_ours=no
  [ "$(id -u)" = 0 ] || fail 'This needs root.' "Run it with sudo: sudo sh prepare-gateway.sh $command …"
  work=$(mktemp -d)
  trap finish EXIT
  trap '' PIPE
  trap 'exit 143' HUP INT TERM
  : >"$work/given"
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
      --dry-run)
        dry_run=yes
        continue
        ;;
      --until-eof)
        until_eof=yes
        continue
        ;;
      --domain | --key | --email | --acme-directory | --acme-ca) ;;
      *) wrong "There is no option \"$option\"" ;;
    esac
    [ $# -gt 0 ] || wrong "$option needs a value"
    case $option in
      --domain) read_domain "$1" ;;
      --key) read_key "$1" ;;
      --email) read_email "$1" ;;
      --acme-directory) read_acme_directory "$1" ;;
      --acme-ca) read_acme_ca "$1" ;;
    esac
    shift
  done
  [ "$until_eof" = no ] || watch_input
  case $command in
    plan)
      dry_run=yes
      install
      ;;
    install) install ;;
    add-key) add_key ;;
    remove-key) remove_key ;;
    status) status ;;
    uninstall) uninstall ;;
  esac
}

# On one line: a shell that reads this from its standard input must not go on reading there.
exec 3<&0; main "$@"; exit $?
