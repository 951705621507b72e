#!/usr/bin/env bash
# Usage: hack/fuzz.sh MODULE...
# Runs every fuzz target of the modules for FUZZ_TIME (1m unless set), one after another, and spends little of it on
# making inputs smaller that do not fail. Go keeps an input that fails in testdata/fuzz of its package, where `go test` runs
# it from then on: commit it with the fix.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
time="${FUZZ_TIME:-1m}"

# packages prints the folders of a module that declare fuzz targets. A look into the files, because even the list of tests
# starts what TestMain starts.
packages() {
  local files
  # shellcheck disable=SC2016 # a template of Go, not of the shell
  files="$(go -C "$1" list -f '{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}
{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}
{{end}}' ./... | grep . || true)"
  [ -n "${files}" ] || return 0
  # shellcheck disable=SC2086 # one argument for each file
  grep -l '^func Fuzz' ${files} | xargs --no-run-if-empty dirname | sort -u
}

count=0
failed=()
for module in "$@"; do
  folders="$(packages "${module}" || true)"
  for folder in ${folders}; do
    targets="$(go -C "${folder}" test -list '^Fuzz' . | grep '^Fuzz')"
    for target in ${targets}; do
      printf '== %s of %s\n' "${target}" "${folder#"${PWD}/"}"
      count=$((count + 1))
      go -C "${folder}" test -run '^$' -fuzz "^${target}\$" -fuzztime "${time}" -fuzzminimizetime 10x . </dev/null || failed+=("${folder#"${PWD}/"} ${target}")
    done
  done
done
if [ "${count}" = 0 ]; then
  echo "hack/fuzz.sh: no fuzz target in: $*" >&2
  exit 1
fi
echo "${count} fuzz targets, ${#failed[@]} failed"
[ "${#failed[@]}" = 0 ] || { printf 'failed: %s\n' "${failed[@]}" >&2; exit 1; }
