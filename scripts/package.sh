#!/usr/bin/env bash
# Makes what others install: a .deb, or a tarball whose program needs nothing but the C library.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/apt.sh
. scripts/apt.sh

usage() {
  cat <<'TEXT'
Usage: scripts/package.sh [tarball | deb]

tarball (the default) makes build/embedtool-VERSION-linux-MACHINE.tar.gz: the program, its manual pages,
completions and licences. All libraries are linked into the program but glibc and libgcc_s, which every
distribution has; libcurl (for pull) and OpenBLAS are loaded where they are installed. There is no
oneDNN in it: CPUs with AMX compute bf16 and int8 with AVX-512. It is made on Debian 12 and starts with
glibc 2.34 or newer: Debian 12, Ubuntu 22.04, RHEL 9, and what came after them. Libraries that Debian
has only in shared form are built from Debian's sources, which need a network the first time.

deb makes build/release/embedtool_VERSION_ARCHITECTURE.deb for this release of Debian. It names the
libraries that it needs, and apt installs them with it.

  EMBEDTOOL_DEBIAN_MIRROR   where to download from (default: http://deb.debian.org/debian)
  EMBEDTOOL_JOBS            parallel jobs (default: all CPUs)
TEXT
}

say() { printf 'package: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

readonly build=$PWD/build/portable
readonly prefix=$build/static
readonly glibc_floor=2.34 # what the program may ask for; RHEL 9 and its kin have no more
readonly made_on=bookworm # whose libraries ask for no more than that
readonly jobs=${EMBEDTOOL_JOBS:-$(nproc)}

# Debian packages whose libraries are built from source, with the options of each.
declare -A libraries=(
  [libfmt-dev]="-DFMT_TEST=OFF -DFMT_DOC=OFF"
  [libhwy-dev]="-DBUILD_TESTING=OFF -DHWY_ENABLE_EXAMPLES=OFF -DHWY_ENABLE_CONTRIB=OFF"
  [libsimdjson-dev]="-DSIMDJSON_DEVELOPER_MODE=OFF"
  [libsentencepiece-dev]="-DSPM_ENABLE_SHARED=OFF"
)

# Builds the source of the installed package $1, so that library and headers are of one version.
build_library() {
  local package=$1 source tree=$build/source/$1
  # shellcheck disable=SC2016  # a field of dpkg's
  source=$(dpkg-query -W -f '${source:Package}=${source:Version}' "$package")
  rm -rf "$tree"
  mkdir -p "$tree"
  (cd "$tree" && apt-get -q source "$source")
  local unpacked
  unpacked=$(find "$tree" -mindepth 1 -maxdepth 1 -type d)
  # Debian's sentencepiece leaves the static library out.
  local shared_only=$unpacked/debian/patches/disable-static-library.patch
  [[ ! -e $shared_only ]] || patch -s -R -p1 -d "$unpacked" <"$shared_only"
  # shellcheck disable=SC2086  # several options
  cmake -S "$unpacked" -B "$tree/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
    ${libraries[$package]}
  cmake --build "$tree/build" --parallel "$jobs"
  cmake --install "$tree/build"
}

# ICU's data, 30 MB of all languages, without what nobody asks for: the rules and dictionaries for
# borders, and what the dictionary of Chinese and Japanese normalizes texts by.
build_icu_data() {
  local tree=$build/source/icu folder symbol
  folder=$(pkg-config --variable=libdir icu-uc)
  rm -rf "$tree"
  mkdir -p "$tree/items"
  cp "$folder/libicuuc.a" "$prefix/lib"
  sed "s|^libdir *=.*|libdir = $prefix/lib|" "$folder/pkgconfig/icu-uc.pc" >"$prefix/lib/pkgconfig/icu-uc.pc"
  (
    cd "$tree"
    ar x "$folder/libicudata.a"
    symbol=$(nm --defined-only ./*dat.o | awk '$2 == "R" {print $3}')
    local whole=${symbol%_dat}l.dat
    objcopy -O binary --only-section=.rodata ./*dat.o "$whole"
    icupkg -l "$whole" | grep -e '^brkitr/' -e '^nfkc\.nrm' >list.txt
    icupkg -x list.txt -d items "$whole"
    mkdir part
    icupkg -tl -s items -a list.txt new "part/$whole"
    "${CC:-cc}" -c -x assembler -o data.o - <<CODE
.section .rodata
.globl $symbol
.balign 16
$symbol: .incbin "part/$whole"
.section .note.GNU-stack,"",@progbits
CODE
    ar rcs "$prefix/lib/libicudata.a" data.o
  )
}

build_libraries() {
  local package versions log=$build/libraries.log
  # shellcheck disable=SC2016
  versions=$(dpkg-query -W -f '${Package} ${Version}\n' "${!libraries[@]}" libicu-dev | sort && cksum scripts/package.sh)
  [[ $(cat "$prefix/versions" 2>/dev/null) != "$versions" ]] || return 0
  say "building libraries that Debian has only in shared form ($log)"
  rm -rf "$prefix"
  mkdir -p "$prefix/lib"
  # In the background, since a condition would switch errexit off.
  {
    make_apt "$build/apt" deb-src
    export APT_CONFIG=$build/apt/apt.conf
    for package in "${!libraries[@]}"; do build_library "$package"; done
    build_icu_data
  } >"$log" 2>&1 &
  wait $! || fail "building them failed; see $log"
  echo "$versions" >"$prefix/versions"
}

build_program() {
  if [[ ! -f $build/build.ninja ]]; then
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_PROJECT_INCLUDE="$PWD/scripts/portable.cmake" -DEMBEDTOOL_STATIC_PREFIX="$prefix" \
      -DEMBEDTOOL_PORTABLE=ON
  fi
  cmake --build "$build" --parallel "$jobs" --target embedtool
}

# Prints the newest version of glibc that the program at $1 asks for.
newest_glibc() {
  objdump -T "$1" | sed -n 's/.*(\?GLIBC_\([0-9.]*\))\? .*/\1/p' | sort -V | tail -n 1
}

# The program must start where there is little, whatever Debian's libraries will need one day.
check_program() {
  local needed glibc
  needed=$(objdump -p "$1" | awk '$1 == "NEEDED" && $2 !~ /^(lib(c|m|gcc_s)|ld-linux.*)\.so/ {print $2}')
  [[ -z $needed ]] || fail "$1 needs shared libraries: $needed"
  glibc=$(newest_glibc "$1")
  [[ $(printf '%s\n' "$glibc" "$glibc_floor" | sort -V | tail -n 1) == "$glibc_floor" ]] ||
    fail "$1 needs glibc $glibc, but should start with $glibc_floor (objdump -T shows which functions)"
}

# The copyright notices of all that is inside, which must go with it.
copy_licences() {
  local package folder=$1
  mkdir -p "$folder"
  for package in "${!libraries[@]}" $(scripts/setup.sh --list | grep -- '-dev$') "libstdc++-$(
    ${CXX:-g++} -dumpversion | cut -d. -f1
  )-dev"; do
    cp "/usr/share/doc/$package/copyright" "$folder/$package"
  done
}

make_tarball() {
  local name stage tarball tool
  grep -q "^VERSION_CODENAME=$made_on" /etc/os-release ||
    fail "the tarball is made on Debian 12, so that it starts on older systems; see the Dockerfile"
  for tool in dpkg-source:dpkg-dev icupkg:icu-devtools patch:patch objdump:binutils; do
    PATH=$PATH:/usr/sbin command -v "${tool%%:*}" >/dev/null || fail "install ${tool#*:} first"
  done
  export PATH=$PATH:/usr/sbin
  build_libraries
  build_program
  check_program "$build/embedtool"
  name=embedtool-$("$build/embedtool" --version | sed -n '1s/^embedtool \([^ ]*\).*/\1/p')-linux-$(uname -m)
  stage=$build/stage/$name
  rm -rf "$build/stage"
  cmake --install "$build" --prefix "$stage" --strip >/dev/null
  copy_licences "$stage/share/doc/embedtool/licences"
  tarball=build/$name.tar.gz
  # The same commit gives the same bytes.
  tar -C "$build/stage" -c --sort=name --owner=0 --group=0 --numeric-owner \
    --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" "$name" | gzip -9n >"$tarball"
  say "$tarball: $(du -h --apparent-size "$tarball" | cut -f1), needs glibc $(newest_glibc "$stage/bin/embedtool")"
}

make_deb() {
  scripts/build.sh release embedtool
  cpack --config build/release/CPackConfig.cmake -B build/release
}

case ${1:-tarball} in
  -h | --help) usage ;;
  tarball) make_tarball ;;
  deb) make_deb ;;
  *) usage >&2 && exit 2 ;;
esac
