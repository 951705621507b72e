#!/usr/bin/env bash
# Checks what may be imported, indirectly too, which depguard in .golangci.yaml does not see: the direction of dependencies,
# that the packages that compute can make no request, and what must never be linked into the operator.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
module="$(go list -m)"
failed=0

# report WHO WHY IMPORT...
report() {
  local who="$1" why="$2"
  shift 2
  [ "$#" -gt 0 ] || return 0
  failed=1
  echo "${who} must not import $*: ${why}" >&2
}

# only PACKAGE ALLOWED...: what pure package PACKAGE may import of this module besides its own sub-packages. It never
# links a client.
only() {
  local package="$1" dependencies own
  if [ ! -d "${package}" ]; then
    echo "hack/verify-imports.sh: there is no ${package}" >&2
    exit 1
  fi
  dependencies="$(go list -deps "./${package}/...")"
  own="$(printf '|%s' "$@")"
  # shellcheck disable=SC2046 # one argument for each import
  report "${package}" "the dependency direction is in .golangci.yaml" \
    $(grep "^${module}/" <<<"${dependencies}" | grep -vE "^${module}/(${own#|})(/|\$)")
  # shellcheck disable=SC2046
  report "${package}" "it is pure and makes no requests" \
    $(grep -E "^k8s.io/(client-go|component-base)(/|\$)" <<<"${dependencies}")
}

only pkg/cron
only pkg/sparkconf
only pkg/submit pkg/sparkconf
only pkg/podspec pkg/apis pkg/sparkconf
only pkg/ui pkg/apis pkg/sparkconf
only pkg/monitoring pkg/apis pkg/sparkconf
only pkg/batchscheduler pkg/apis pkg/sparkconf
only pkg/translate pkg/apis pkg/batchscheduler pkg/monitoring pkg/podspec pkg/sparkconf pkg/submit
only pkg/validation pkg/apis pkg/batchscheduler pkg/cron pkg/monitoring pkg/podspec pkg/translate pkg/sparkconf pkg/submit

# shellcheck disable=SC2046
report "the operator" "it uses client-go alone, and tools are not part of it" $(go list -deps ./cmd/... |
  grep -E '^(sigs.k8s.io/controller-runtime|k8s.io/(kubernetes|apiserver|code-generator)|testing|net/http/httptest)(/|$)')

exit "${failed}"
