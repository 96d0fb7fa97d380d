# shellcheck shell=bash
# Sourced by scripts that try something in bare systems of other releases. They define say().

skip() {
  echo "skipped: $*"
  exit 77
}

# Ends the script where no system can be made.
need_bare_systems() {
  [[ $(id -u) -eq 0 ]] || skip "root is needed to make a system"
  command -v debootstrap >/dev/null || skip "no debootstrap here"
}

# Makes a bare system of $1 (debian/bookworm, ubuntu/jammy) in the folder $2.
make_system() {
  local system=$1 root=$2 mirror=${EMBEDTOOL_DEBIAN_MIRROR:-http://deb.debian.org/debian}
  local -a options=(--variant=minbase) script=()
  if [[ $system == ubuntu/* ]]; then
    mirror=${EMBEDTOOL_UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}
    # Debian has no keys of Ubuntu's: good enough for a test that keeps nothing.
    options+=(--no-check-gpg)
    # What debootstrap makes a suite by that is newer than itself.
    [[ -e /usr/share/debootstrap/scripts/${system#*/} ]] || script=(/usr/share/debootstrap/scripts/gutsy)
  fi
  say "$system: making a bare system in $root"
  debootstrap "${options[@]}" "${system#*/}" "$root" "$mirror" "${script[@]}" >"$root.debootstrap.log" 2>&1 || {
    say "$system: debootstrap failed; see $root.debootstrap.log"
    return 1
  }
}

# Calls `try SYSTEM ROOT`, the script's own, for every system; false when one of them failed. ROOT, in
# the folder $1, is where it makes the system. Those of failures are kept.
try_systems() {
  local folder=$1 system root
  local -a failed=()
  for system in "${@:2}"; do
    root=$folder/${system//\//-}
    if try "$system" "$root"; then
      rm -rf --one-file-system "${root:?}"
    else
      failed+=("$system")
    fi
  done
  if [[ ${#failed[@]} -gt 0 ]]; then
    say "failed: ${failed[*]}; kept in $folder"
    return 1
  fi
  rm -rf --one-file-system "$folder"
}
