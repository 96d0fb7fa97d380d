#!/usr/bin/env bash
# Cross-builds for arm64 and runs the tests of the numbers under qemu-user, on several CPUs. Exit 77:
# not possible here.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/apt.sh
. scripts/apt.sh

usage() {
  cat <<'TEXT'
Usage: scripts/try_arm64.sh [--build]

Makes a folder of arm64 libraries (once), cross-builds the preset `arm64` against it, and runs the
unit, golden and invariance tests under qemu-user: all of them on a CPU with every extension, those of
the kernels also on a Neoverse N1 (dot products) and a Cortex-A72 (plain NEON). Then compares vectors
with those of build/release, if it is there. Needs Debian, g++-aarch64-linux-gnu, qemu-user-static, a
network, 1 GB, and about an hour on two cores.

  --build   only build

  EMBEDTOOL_ARM64_SYSROOT   the folder (default: /var/tmp/embedtool-arm64)
  EMBEDTOOL_DEBIAN_MIRROR   where to download from (default: http://deb.debian.org/debian)
  EMBEDTOOL_JOBS            parallel jobs (default: all CPUs)
TEXT
}

skip() {
  echo "skipped: $*"
  exit 77
}
say() { printf 'try_arm64: %s\n' "$*" >&2; }

export EMBEDTOOL_ARM64_SYSROOT=${EMBEDTOOL_ARM64_SYSROOT:-/var/tmp/embedtool-arm64}
emulator=(qemu-aarch64-static -L "$EMBEDTOOL_ARM64_SYSROOT"
  -E "LD_LIBRARY_PATH=$EMBEDTOOL_ARM64_SYSROOT/usr/lib/aarch64-linux-gnu/openblas-pthread")

# Downloads this Debian release's arm64 packages and unpacks them into the folder $1, with an apt of
# its own, unless they are there. Nothing is installed, and the system's own packages are not touched.
make_sysroot() {
  local root=$1 apt package release
  local -a packages
  release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  mapfile -t packages < <(scripts/setup.sh --list | grep -- '-dev$')
  packages+=(libc6-dev "libstdc++-$(aarch64-linux-gnu-g++ -dumpversion | cut -d. -f1)-dev")
  [[ $(cat "$root/complete" 2>/dev/null) != "$release ${packages[*]}" ]] || return 0
  apt=$(mktemp -d)
  mkdir -p "$root/usr/lib"
  say "unpacking the arm64 libraries of $release into $root"
  if ! {
    make_apt "$apt" deb 'APT::Architecture "arm64";' 'APT::Architectures { "arm64"; };' &&
      APT_CONFIG=$apt/apt.conf apt-get -q -y --download-only install "${packages[@]}"
  } >"$apt/log" 2>&1; then
    cat "$apt/log" >&2
    return 1
  fi
  ln -sfn usr/lib "$root/lib" # as in every current Debian; packages still use both names
  for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
  done
  rm -rf "$apt"
  find "$root" -type l -lname '/*' | while read -r package; do
    ln -sfn "$root$(readlink "$package")" "$package"
  done
  echo "$release ${packages[*]}" >"$root/complete"
}

build() {
  make_sysroot "$EMBEDTOOL_ARM64_SYSROOT"
  scripts/build.sh arm64 embedtool unit_tests golden_tests property_tests
}

# ctest on the CPU $1, with qemu's name, and the remaining arguments.
test_on() {
  say "tests on $1"
  QEMU_CPU=$1 ctest --preset arm64 --parallel "${EMBEDTOOL_JOBS:-$(nproc)}" "${@:2}"
}

# Which panels run on the CPU $1 must be those of the set $2.
expect_panels() {
  local found
  found=$(QEMU_CPU=$1 "${emulator[@]}" build/arm64/embedtool --version)
  grep -qF "$2" <<<"$found" || {
    printf '%s\n' "$found" >&2
    say "$1 was expected to run $2"
    return 1
  }
}

# Prints how far vectors are from those of this machine's build.
compare() {
  [[ -x build/release/embedtool ]] || {
    say "no build/release/embedtool to compare vectors with"
    return 0
  }
  local precisions=(--compute f32 --compute int8)
  build/release/embedtool --version | grep -q 'bf16 ' && precisions+=(--compute bf16)
  QEMU_CPU=max scripts/compare_vectors.py build/release/embedtool \
    "${emulator[*]} build/arm64/embedtool" "${precisions[@]}" --min-cosine 0.999
  QEMU_CPU=max scripts/compare_vectors.py build/release/embedtool \
    "${emulator[*]} build/arm64/embedtool" --min-cosine 0.999999 --max-difference 1e-5
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  "" | --build) ;;
  *) usage >&2 && exit 2 ;;
esac
[[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || skip "this is not Debian"
command -v aarch64-linux-gnu-g++ >/dev/null || skip "no g++-aarch64-linux-gnu here"
command -v qemu-aarch64-static >/dev/null || skip "no qemu-user-static here"
build
[[ ${1:-} != --build ]] || exit 0

expect_panels max 'native (f32 NEON, bf16 NEON-BF16, int8 NEON-I8MM)'
expect_panels neoverse-n1 'native (f32 NEON, bf16 NEON (widened weights), int8 NEON-DOTPROD)'
expect_panels cortex-a72 'native (f32 NEON, bf16 NEON (widened weights), int8 NEON (16-bit products))'
scripts/count_instructions.py build/arm64/CMakeFiles/embedtool_core.dir/core/math/{attention,panel}*.cpp.o
# What needs the tests' own programs to be started is left to machines of that kind.
test_on max -L 'unit|golden|property|per_isa' -E 'golden_data|golden_readings'
for cpu in neoverse-n1 cortex-a72; do
  test_on "$cpu" -R '^(Best|Block)?Kernels|^Attention|GemmBackends|GemmIntegers|Invariance|CommittedModels'
done
compare
