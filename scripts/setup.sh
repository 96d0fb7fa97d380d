#!/usr/bin/env bash
# Installs the Debian packages needed to build embedtool. Needs root or sudo only if something is
# missing; otherwise it takes a moment and does not use the network.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/setup.sh [--tests] [--bench] [--check | --list]

Installs the packages needed to build embedtool on Debian 12 or 13.

  --tests   also install what the tests and checks use (clang, ctags, mandoc, Node.js,
            numpy, …); if that fails, the tests that need them are skipped with a message
  --bench   also install what bench/ needs
  --check   install nothing; print what is missing, and exit 1 if anything is
  --list    install nothing; print every package that a build needs
TEXT
}

build_packages=(
  g++ cmake ninja-build pkg-config
  libopenblas-dev libdnnl-dev libhwy-dev libsentencepiece-dev nlohmann-json3-dev libsimdjson-dev
  libprotobuf-dev # sentencepiece.pc of Debian 13 requires it; libsentencepiece-dev does not depend on it
  libzstd-dev zlib1g-dev libbz2-dev liblzma-dev liblz4-dev libsnappy-dev libbrotli-dev libdeflate-dev
  libflatbuffers-dev flatbuffers-compiler nettle-dev libcurl4-openssl-dev
  libcli11-dev libutf8proc-dev libpcre2-dev libicu-dev libxxhash-dev libfmt-dev
  libeigen3-dev libgtest-dev libgmock-dev python3
)
# package name : a file or command that shows it is installed, by whatever means
test_tools=(
  clang:clang++ clang-format:clang-format shellcheck:shellcheck mandoc:mandoc
  universal-ctags:ctags zsh:zsh fish:fish
  nodejs:node npm:npm zstd:zstd gzip:gzip
  python3-numpy:/usr/lib/python3/dist-packages/numpy
  python3-sentencepiece:/usr/lib/python3/dist-packages/sentencepiece
  libbenchmark-dev:/usr/include/benchmark/benchmark.h
)

say() { printf 'setup: %s\n' "$*" >&2; }

missing_build_packages() {
  local package
  for package in "${build_packages[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) == installed ]] ||
      printf '%s\n' "$package"
  done
}

missing_test_packages() {
  local entry proof
  for entry in "${test_tools[@]}"; do
    proof=${entry#*:}
    [[ -e $proof ]] || command -v "$proof" >/dev/null 2>&1 || printf '%s\n' "${entry%%:*}"
  done
}

# Runs apt-get as root: directly, or through sudo.
as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    say "root is needed to install packages, and there is no sudo. As root, run:"
    say "  $*"
    return 1
  fi
}

updated=no
install() {
  if [[ $updated == no ]]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
    updated=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "$@"
}

main() {
  local check=no tests=no argument
  for argument in "$@"; do
    case $argument in
      --check) check=yes ;;
      --list) printf '%s\n' "${build_packages[@]}" && return 0 ;;
      --tests) tests=yes ;;
      --bench) build_packages+=(libbenchmark-dev) ;;
      -h | --help) usage && return 0 ;;
      *) usage >&2 && return 2 ;;
    esac
  done

  if ! command -v dpkg-query >/dev/null 2>&1; then
    say "this is not a Debian system; install the equivalents of these packages by hand:"
    say "  ${build_packages[*]}"
    return 1
  fi

  local -a needed wanted=()
  mapfile -t needed < <(missing_build_packages)
  if [[ $tests == yes ]]; then mapfile -t wanted < <(missing_test_packages); fi

  if [[ $check == yes ]]; then
    printf '%s\n' "${needed[@]}" "${wanted[@]}" | sed '/^$/d'
    [[ ${#needed[@]} -eq 0 && ${#wanted[@]} -eq 0 ]]
    return
  fi
  if [[ ${#needed[@]} -gt 0 ]]; then
    say "installing ${needed[*]}"
    install "${needed[@]}"
  fi
  if [[ ${#wanted[@]} -gt 0 ]]; then
    say "installing ${wanted[*]}"
    install "${wanted[@]}" ||
      say "could not install ${wanted[*]}: the tests that need them will skip"
  fi
  if [[ ${#needed[@]} -eq 0 && ${#wanted[@]} -eq 0 ]]; then say "everything is installed"; fi
}

main "$@"
