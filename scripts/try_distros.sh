#!/usr/bin/env bash
# The README's two commands in bare Debian systems, each twice. Exit 77: not possible here.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/bare_systems.sh
. scripts/bare_systems.sh

usage() {
  cat <<'TEXT'
Usage: scripts/try_distros.sh [SUITE…]

For every suite (default: bookworm trixie), makes a bare Debian system with debootstrap, clones HEAD
into it, and runs scripts/quickstart.sh and scripts/test.sh there twice: from scratch, then with
everything in place. Needs root, debootstrap, a network, 10 GB in $TMPDIR (default: /var/tmp) and
about an hour per suite on two cores. A system whose commands fail is kept with its logs; the others
are removed.

  EMBEDTOOL_DEBIAN_MIRROR   where to install from (default: http://deb.debian.org/debian)
  EMBEDTOOL_JOBS            parallel jobs (default: all CPUs)
TEXT
}

say() { printf 'try_distros: %s\n' "$*" >&2; }

# This machine's certificates, which a network that looks into TLS makes it need; npm and pip have
# lists of their own.
readonly certificates=/etc/ssl/certs/ca-certificates.crt

# Runs a command in the clone inside the system at $1. Mounts and processes end with the command.
inside() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  unshare --mount --pid --fork --kill-child bash -euc '
    root=$1
    shift
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t proc proc "$root/proc"
    exec chroot "$root" env --chdir=/embedtool -i HOME=/root LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
      NODE_EXTRA_CA_CERTS=/root/certificates.crt PIP_CERT=/root/certificates.crt \
      EMBEDTOOL_JOBS="${EMBEDTOOL_JOBS:-$(nproc)}" "$@"
  ' inside "$@"
}

# Runs one suite's commands in the system at $2; false when one of them failed.
try() {
  local suite=$1 root=$2 round command log started
  make_system "debian/$suite" "$root" || return 1
  git clone -q --no-hardlinks . "$root/embedtool" || return 1
  cp "$certificates" "$root/root/certificates.crt" || return 1
  for round in 1 2; do
    for command in quickstart test; do
      log=$root.$command.$round.log
      started=$SECONDS
      inside "$root" "scripts/$command.sh" >"$log" 2>&1 || {
        say "$suite: scripts/$command.sh failed in round $round; the end of $log:"
        tail -n 20 "$log" >&2
        return 1
      }
      say "$suite: scripts/$command.sh passed in round $round after $((SECONDS - started)) s"
    done
  done
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) usage >&2 && exit 2 ;;
esac
need_bare_systems
[[ -e $certificates ]] || skip "no ca-certificates here"
unshare --mount true 2>/dev/null || skip "nothing can be mounted here"

suites=("$@")
[[ $# -gt 0 ]] || suites=(bookworm trixie)
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/try_distros.XXXXXX")
try_systems "$folder" "${suites[@]}"
