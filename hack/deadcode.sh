#!/usr/bin/env bash
# Usage: hack/deadcode.sh MODULE...
# Fails when a function of the modules is reached by no program and no test. Generated files do not count.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
hack/tool.sh deadcode
tool="${PWD}/bin/deadcode"
failed=0
for module in "$@"; do
  dead="$(cd "${module}" && "${tool}" -test ./...)"
  [ -n "${dead}" ] || continue
  failed=1
  printf '%s:\n%s\n' "${module}" "${dead}" >&2
done
exit "${failed}"
