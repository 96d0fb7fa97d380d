#!/usr/bin/env bash
# Runs the tarball of scripts/package.sh in bare systems of other releases. Exit 77: not possible here.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/bare_systems.sh
. scripts/bare_systems.sh

usage() {
  cat <<'TEXT'
Usage: scripts/try_package.sh [SYSTEM…]

Makes the tarball and, for every SYSTEM (default: debian/bookworm debian/trixie ubuntu/jammy
ubuntu/noble debian/bullseye), a bare system with debootstrap, in which it encodes the sample corpus,
whole and in chunks. The shards must be those of build/release. A system whose glibc is too old must
say so and nothing else. Needs root, debootstrap, a network and 1 GB in $TMPDIR (default: /var/tmp).

  EMBEDTOOL_DEBIAN_MIRROR, EMBEDTOOL_UBUNTU_MIRROR   where to install from
TEXT
}

say() { printf 'try_package: %s\n' "$*" >&2; }

inside() { chroot "$1" env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin "${@:2}"; }

# How the sample is encoded: whole, and cut at the sentences and words of twelve languages.
encode_whole=(encode -q)
encode_chunks=(encode -q --on-long chunk --chunk-tokens 12 --chunk-by sentence)

# The digests of the shards in the outputs in $1, which are those of their bytes.
shards_in() { (cd "$1" && sha256sum -- whole/data/*.parquet chunks/data/*.parquet); }

try() {
  local system=$1 root=$2 version begin spent
  make_system "$system" "$root" || return 1
  tar -xz --strip-components=1 -C "$root/usr/local" -f "$tarball" || return 1
  cp scripts/sample/texts.jsonl "$root/root" || return 1
  if [[ $system == debian/bullseye ]]; then
    if inside "$root" embedtool --version 2>"$root.errors"; then
      say "$system: the program starts, although its glibc is too old"
      return 1
    fi
    grep -q 'GLIBC_2.3[0-9]. not found' "$root.errors" || return 1
    say "$system: refused, as it must be: $(grep -o 'version .*' "$root.errors" | head -n 1)"
    return 0
  fi
  version=$(inside "$root" embedtool --version) || return 1
  begin=$(date +%s%N)
  inside "$root" embedtool "${encode_whole[@]}" /root/texts.jsonl -o /root/whole || return 1
  spent=$((($(date +%s%N) - begin) / 1000000))
  inside "$root" embedtool "${encode_chunks[@]}" /root/texts.jsonl -o /root/chunks || return 1
  cmp <(shards_in "$root/root") <(shards_in "$folder") || {
    say "$system: other shards than build/release gives"
    return 1
  }
  say "$system: ${version%%$'\n'*}, the same shards; the sample took $spent ms"
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) usage >&2 && exit 2 ;;
esac
need_bare_systems
for tool in icupkg dpkg-source; do
  PATH=$PATH:/usr/sbin command -v $tool >/dev/null || skip "no $tool here (see scripts/package.sh)"
done

systems=("$@")
[[ $# -gt 0 ]] || systems=(debian/bookworm debian/trixie ubuntu/jammy ubuntu/noble debian/bullseye)
scripts/build.sh release embedtool
scripts/package.sh
tarball=$(echo build/embedtool-*-linux-"$(uname -m)".tar.gz)
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/try_package.XXXXXX")
build/release/embedtool "${encode_whole[@]}" scripts/sample/texts.jsonl -o "$folder/whole"
build/release/embedtool "${encode_chunks[@]}" scripts/sample/texts.jsonl -o "$folder/chunks"
try_systems "$folder" "${systems[@]}"
