# shellcheck shell=bash
# Sourced by scripts that download from Debian's mirror what is not to be installed.

# Makes an apt of its own in the folder $1: the system's packages and settings stay as they are. It
# knows what $2 says of this release, deb or deb-src; further lines of configuration follow. apt-get
# uses it where APT_CONFIG is $1/apt.conf.
make_apt() {
  local apt=$1 release
  release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/none"
  : >"$apt/state/status"
  echo "$2 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "${EMBEDTOOL_DEBIAN_MIRROR:-http://deb.debian.org/debian} $release main" >"$apt/sources.list"
  {
    cat <<CONF
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Dir::State "$apt/state";
Dir::State::status "$apt/state/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/none";
Dir::Etc::preferencesparts "$apt/none";
Debug::NoLocking "true";
CONF
    printf '%s\n' "${@:3}"
  } >"$apt/apt.conf"
  APT_CONFIG=$apt/apt.conf apt-get -q update
}
