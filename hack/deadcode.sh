#!/usr/bin/env bash
# Usage: hack/deadcode.sh MODULE...
# Fails when a function is reached by no program and no test of any of the modules. Generated files do not count.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
hack/tool.sh deadcode
tool="${PWD}/bin/deadcode"
ours="$(go list -m)"
work="$(mktemp -d)"
trap 'rm -rf "${work}"' EXIT

# A module uses functions of other modules: a function is dead only if it is dead for every module that loads its package.
number=0
for module in "$@"; do
  number=$((number + 1))
  (
    cd "${module}"
    # shellcheck disable=SC2016 # $path is a variable of the template
    "${tool}" -test -filter "^${ours}(/|\$)" -f '{{$path := .Path}}{{range .Funcs}}{{printf "%s %s\n" $path .Name}}{{end}}' ./... |
      { grep . || true; } | sort -u >"${work}/dead-${number}"
    go list -deps -test -f '{{.ImportPath}}' ./... | sed 's/ .*//' | { grep "^${ours}\(/\|\$\)" || true; } | sort -u >"${work}/loaded-${number}"
  )
done
dead="$(awk '
  FILENAME ~ /loaded-[0-9]*$/ { loaded[$1]++; next }
  { seen[$0]++; package[$0] = $1 }
  END { for (line in seen) if (seen[line] == loaded[package[line]]) print line }
' "${work}"/loaded-* "${work}"/dead-* | sort)"
if [ -n "${dead}" ]; then
  printf 'no program and no test reaches these functions:\n%s\n' "${dead}" >&2
  exit 1
fi
