#!/usr/bin/env bash
# Every option in --help stands in the command's manual page, and the page names no other.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

# Long options that a help text lists.
of_help() { sed -nE 's/^ +(-[a-zA-Z], )?--([a-z-]+).*/\2/p' | sort -u; }
# Long options that a page describes: `.It Fl q , -quiet` and further ones on the line.
of_page() { sed -nE 's/^\.It (Fl .*)/\1/p' "$1" | { grep -oE 'Fl ([a-zA-Z] , )?-[a-z-]+' || true; } |
  sed -E 's/^Fl ([a-zA-Z] , )?-//' | sort -u; }

common=$(printf '%s\n' color config help log-format progress quiet verbose)
equal "$(of_page "$SOURCE/man/embedtool.1")" "$common" "common options in embedtool.1"
for command in encode info verify merge diff export search tokenize report tune pull completion; do
  page=$SOURCE/man/embedtool-$command.1
  [[ -f $page ]] || fail "no manual page for $command"
  run 0 "$command" --help
  of_help <stdout | comm -23 - <(echo "$common") >help-options
  of_help <stdout | comm -13 - <(echo "$common") >missing-common
  [[ ! -s missing-common ]] || fail "$command lacks common options: $(tr '\n' ' ' <missing-common)"
  of_page "$page" >page-options
  diff help-options page-options >difference ||
    fail "--help (<) and $page (>) differ: $(grep '^[<>]' difference | tr '\n' ' ')"
  run 0 --help
  has stdout "  $command "
  has "$SOURCE/man/embedtool.1" ".Xr embedtool-$command 1"
done
