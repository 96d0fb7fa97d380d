#!/usr/bin/env bash
# Completion scripts load in their shells and offer every command, option and choice that --help lists.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

commands=$("$BIN" --help | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+) .*/\1/p' | grep -v '^help$')
[[ $(wc -w <<<"$commands") -ge 8 ]] || fail "commands: $commands"
# Long options that a help text lists; then, one a line, an option and its choices.
options_of() { "$BIN" "$1" --help | sed -nE 's/^ +(-[a-zA-Z0-9], )?(--[a-z-]+).*/\2/p' | LC_ALL=C sort -u; }
choices_of() {
  "$BIN" "$1" --help | sed -nE 's/^ +(-[a-zA-Z0-9], )?(--[a-z-]+) ([a-z0-9]+(\|[a-z0-9]+)+)( .*)?$/\2 \3/p' |
    tr '|' ' '
}
[[ $(choices_of encode | wc -l) -ge 10 ]] || fail "choices of encode: $(choices_of encode)"

# --- bash
"$BIN" completion bash >script.bash
# What bash offers at the end of a command line: bash_offers WORD…
bash_offers() {
  bash --norc -c 'source ./script.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_embedtool
printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | LC_ALL=C sort -u
}
equal "$(bash_offers embedtool comp)" completion "bash, a command"
has <(bash_offers embedtool --v) --version
: >a-file
has <(bash_offers embedtool encode a-f) a-file
has <(bash_offers embedtool encode -o a-f) a-file
equal "$(bash_offers embedtool encode --compute = b)" bf16 "bash, a value behind ="
equal "$(bash_offers embedtool -q encode --compute b)" bf16 "bash, an option before the command"
equal "$(bash_offers embedtool completion z)" zsh "bash, an argument"
equal "$(bash_offers embedtool encode --dims '')" "" "bash, a number"

check_shell() { # check_shell NAME FUNCTION: FUNCTION WORD… prints what is offered
  local name=$1 offers=$2 command option choices
  for command in $commands; do
    diff <(options_of "$command") <("$offers" embedtool "$command" -- | grep '^--') >difference ||
      fail "$name, options of $command: $(grep '^[<>]' difference | tr '\n' ' ')"
    while read -r option choices; do
      diff <(tr ' ' '\n' <<<"$choices" | LC_ALL=C sort) <("$offers" embedtool "$command" "$option" '') >difference ||
        fail "$name, $command $option: $(grep '^[<>]' difference | tr '\n' ' ')"
    done < <(choices_of "$command")
  done
}
check_shell bash bash_offers

# --- fish answers what it would offer.
if command -v fish >/dev/null; then
  "$BIN" completion fish >script.fish
  # shellcheck disable=SC2016 # fish expands it
  fish_offers() {
    HOME=$WORK fish --no-config -c 'source script.fish; complete -C "$argv"' "$@" | cut -f 1 | LC_ALL=C sort -u
  }
  equal "$(fish_offers embedtool comp)" completion "fish, a command"
  check_shell fish fish_offers
  equal "$(fish_offers embedtool completion z)" zsh "fish, an argument"
else
  printf 'not checked: fish (not installed)\n'
fi

# --- zsh has no such answer: the specifications that the script gives to _arguments are read instead.
if command -v zsh >/dev/null; then
  "$BIN" completion zsh >_embedtool
  zsh_offers() {
    HOME=$WORK zsh -f -c 'autoload -Uz compinit && compinit -u -D && source ./_embedtool
_describe() { print -l -- ${(P)4%%:*} } ; compadd() { print -l -- ${@:#--} }
_arguments() { print -l -- $@ }
words=("$@") CURRENT=$#; _embedtool' zsh "$@" >zsh-said
    local option=${3:-}
    case $option in
      '') sed -nE 's/:.*//p' zsh-said ;;
      --) sed -nE 's/^\*?(--[a-z-]+).*/\1/p' zsh-said ;;
      *) sed -nE "s/^\\*?$option=.*:value:\\((.*)\\)\$/\\1/p" zsh-said | tr ' ' '\n' ;;
    esac | LC_ALL=C sort -u
  }
  check_shell zsh zsh_offers
else
  printf 'not checked: zsh (not installed)\n'
fi

run 2 completion tcsh
has stderr 'error: shell "tcsh" is not one of bash, zsh, fish'
run 2 completion
has stderr "SHELL is missing"
