# Shared by the comparisons with other programs. Exit 77: something that a comparison needs is missing.
# shellcheck shell=bash

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

# environment FOLDER ARGUMENT…: a virtual environment there, with what pip installs by these arguments.
# It stays, for packages are large. Fails where there can be none.
environment() {
  local venv=$1
  shift
  [[ ! -x $venv/bin/python ]] || return 0
  rm -rf "$venv.new"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv.new" && "$venv.new/bin/pip" install -q "$@" || return 1
  # Its scripts name the folder they were made in; only its python is used.
  mv "$venv.new" "$venv"
}
