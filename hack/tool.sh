#!/usr/bin/env bash
# Usage: hack/tool.sh NAME
# Builds the tool of the module hack/tools/NAME unless the user's cache has it already, and links it as bin/NAME.
# The cache outlasts the checkout: it is keyed by the platform and by the module's files, hence by the version and checksum
# of every dependency. A module may have several tools, of which NAME is one; all are built and linked. A line
# "// build tags: A,B" in its go.mod sets the tags of the build.
set -o errexit -o nounset -o pipefail

name="${1:?usage: hack/tool.sh NAME (a directory of hack/tools)}"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
module="hack/tools/${name}"
if [ ! -f "${module}/go.mod" ]; then
  echo "hack/tool.sh: no tool ${name}: there is no ${module}/go.mod" >&2
  exit 1
fi

export GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0
files="$(find "${module}" -name go.mod -o -name go.sum -o -name "*.go" | LC_ALL=C sort)"
# shellcheck disable=SC2086 # one argument for each file
key="$( (go env GOOS GOARCH && sha256sum -- ${files}) | sha256sum | cut -c1-12)"
cache="${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME}/.cache}/spark-operator/tools"
tool="${cache}/${name}-${key}/${name}"

if [ ! -x "${tool}" ]; then
  mkdir -p "${cache}"
  # One build at a time: a second one with the same key would only repeat the first.
  exec 9>"${cache}/lock"
  flock 9
fi
if [ ! -x "${tool}" ]; then
  echo "building ${name} (once for this version; some minutes with an empty Go build cache)" >&2
  unfinished="${cache}/${name}-${key}.unfinished"
  rm -rf "${unfinished}"
  mkdir "${unfinished}"
  tags="$(sed -n 's|^// build tags: ||p' "${module}/go.mod")"
  go -C "${module}" build -trimpath -buildvcs=false -tags "${tags}" -gcflags=all=-dwarf=false -ldflags='-s -w' -o "${unfinished}/" tool
  rm -rf "${cache:?}/${name}-${key}"
  mv "${unfinished}" "${cache}/${name}-${key}"
fi

mkdir -p bin
ln -sfn "${tool%/*}"/* bin/
