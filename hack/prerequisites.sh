#!/usr/bin/env bash
# Usage: hack/prerequisites.sh GROUP...
# Makes sure that the programs of the groups are there. What is missing is installed from Debian packages where that is
# possible (apt-get as root); otherwise one line says what to install. Groups:
#   build    Go, make and git
#   race     the C compiler that Go's race detector needs
#   images   what building the Spark image runs
#   cluster  what a node of the local cluster runs
#   clients  Python for the clients that hack/clients.sh fetches
#   browser  Chromium without a window, and letters for its screenshots
#   lint     shellcheck
#   maven    Maven
# A machine without Go gets the toolchain that go.mod asks for, in the user's cache; the Makefile has it in its PATH.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache="${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME}/.cache}/spark-operator"
# Debian has runc and iptables where only root looks.
export PATH="${cache}/go/bin:${PATH}:/usr/sbin:/sbin"

missing=()

# need PACKAGE PROGRAM: the Debian package that has the program or, with a slash, the file.
need() {
  case "$2" in
    */*) [ -e "$2" ] ;;
    *) command -v "$2" >/dev/null ;;
  esac || missing+=("$1")
}

# go_is_new_enough: Go 1.21 and newer download the toolchain of go.mod unless GOTOOLCHAIN is local.
go_is_new_enough() {
  command -v go >/dev/null && [ "$(go list -m 2>/dev/null)" != "" ]
}

install_missing() {
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing programs: install them with: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "installing Debian packages: ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  local log status=0
  log="$(mktemp)"
  {
    apt-get -o DPkg::Lock::Timeout=300 update &&
      apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}"
  } >"${log}" 2>&1 </dev/null || status=$?
  if [ "${status}" != 0 ]; then
    tail -n 20 "${log}" >&2
    echo "apt-get could not install: ${missing[*]}" >&2
    exit "${status}"
  fi
  rm -f "${log}"
  missing=()
}

# install_go fetches the toolchain as a Go module, so that the checksum database vouches for it; any Go can do that.
install_go() {
  local version bootstrap="go" module directory
  version="$(sed -n 's/^toolchain go//p; s/^go //p' go.mod | sort -V | tail -n 1)"
  need ca-certificates /etc/ssl/certs/ca-certificates.crt
  command -v go >/dev/null || missing+=(golang-go)
  install_missing
  module="golang.org/toolchain@v0.0.1-go${version}.linux-$(dpkg --print-architecture)"
  echo "fetching Go ${version} into ${cache}/go" >&2
  directory="$(cd / && GOFLAGS=-mod=mod GOTOOLCHAIN=local "${bootstrap}" mod download -json "${module}" |
    sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')"
  if [ -z "${directory}" ]; then
    echo "could not fetch Go ${version}: install Go ${version} or newer" >&2
    exit 1
  fi
  mkdir -p "${cache}"
  rm -rf "${cache}/go" "${cache}/go.unfinished"
  # A module in the cache is read-only and not executable.
  cp -r --no-preserve=mode "${directory}" "${cache}/go.unfinished"
  chmod +x "${cache}/go.unfinished"/bin/* "${cache}/go.unfinished"/pkg/tool/*/*
  mv "${cache}/go.unfinished" "${cache}/go"
}

for group in "$@"; do
  case "${group}" in
    build)
      need make make
      need git git
      go_is_new_enough || install_go
      ;;
    race)
      need gcc gcc
      need libc6-dev /usr/include/stdlib.h
      ;;
    images)
      need mmdebstrap mmdebstrap
      python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
      need openjdk-17-jdk-headless javac
      ;;
    cluster)
      need runc runc
      need iproute2 ip
      need iptables iptables
      need containernetworking-plugins /usr/lib/cni/bridge
      ;;
    clients)
      need python3 python3
      # Debian has the module venv without what it works with.
      python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
      ;;
    browser)
      command -v chromium >/dev/null || command -v google-chrome >/dev/null ||
        need chromium-headless-shell chromium-headless-shell
      need fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
      ;;
    lint) need shellcheck shellcheck ;;
    maven) need maven mvn ;;
    *)
      echo "hack/prerequisites.sh: no group ${group}" >&2
      exit 2
      ;;
  esac
done
install_missing
