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

rooms=" "

# room PACKAGE ALLOWED...: what package PACKAGE may import of this module besides its own sub-packages.
room() {
  local package="$1" dependencies own
  if [ ! -d "${package}" ]; then
    echo "hack/verify-imports.sh: ${package} does not exist" >&2
    exit 1
  fi
  rooms+="${package} "
  dependencies="$(go list -deps "./${package}/...")"
  own="$(printf '|%s' "$@")"
  # shellcheck disable=SC2046 # one argument for each import
  report "${package}" "the dependency direction is in hack/verify-imports.sh and .golangci.yaml" \
    $(grep "^${module}/" <<<"${dependencies}" | grep -vE "^${module}/(${own#|})(/|\$)")
}

# pure PACKAGE ALLOWED...: a room that never links a client.
pure() {
  room "$@"
  # shellcheck disable=SC2046
  report "$1" "it is pure and makes no requests" \
    $(go list -deps "./$1/..." | grep -E "^k8s.io/(client-go|component-base)(/|\$)")
}

# pure_alone PACKAGE: the package without its sub-packages links no client.
pure_alone() {
  # shellcheck disable=SC2046
  report "$1" "it is pure and makes no requests" \
    $(go list -deps "./$1" | grep -E "^k8s.io/(client-go|component-base)(/|\$)")
}

pure pkg/apis
pure pkg/cron
pure pkg/decode
pure pkg/permissions
pure pkg/redact
pure pkg/sparkconf
pure pkg/submit pkg/sparkconf
pure pkg/podspec pkg/apis pkg/sparkconf
pure pkg/podview pkg/apis pkg/podspec pkg/sparkconf
pure pkg/ui pkg/apis pkg/sparkconf
pure pkg/monitoring pkg/apis pkg/sparkconf
pure pkg/batchscheduler pkg/apis pkg/sparkconf
pure pkg/translate pkg/apis pkg/batchscheduler pkg/monitoring pkg/podspec pkg/sparkconf pkg/submit
pure pkg/validation pkg/apis pkg/batchscheduler pkg/cron pkg/monitoring pkg/podspec pkg/translate pkg/sparkconf pkg/submit
pure pkg/quota pkg/apis pkg/batchscheduler pkg/monitoring pkg/podspec pkg/translate pkg/sparkconf pkg/submit

room pkg/client pkg/apis
room pkg/crds
room pkg/migrate pkg/apis pkg/batchscheduler pkg/cron pkg/decode pkg/monitoring pkg/podspec pkg/sparkconf pkg/submit pkg/translate pkg/validation
room pkg/features
room pkg/serverclock
pure pkg/webui/jsonstream
room pkg/webui pkg/serverclock
pure pkg/apipath
room pkg/rehearsal pkg/apipath
pure pkg/tracing pkg/apipath
pure_alone pkg/reconcile
room pkg/reconcile pkg/serverclock
room pkg/servedschema pkg/apis
room pkg/informers pkg/apis pkg/client pkg/decode pkg/podspec pkg/podview pkg/sparkconf
room pkg/metrics pkg/apipath pkg/apis
room pkg/scrapeauth
pure pkg/diagnosis pkg/apis pkg/podspec pkg/podview pkg/reconcile pkg/sparkconf
pure_alone pkg/progress
room pkg/progress pkg/apis pkg/serverclock pkg/webui
decided=(pkg/diagnosis pkg/podview pkg/progress pkg/reconcile pkg/redact pkg/ui pkg/webui/jsonstream)
kit=(pkg/apipath pkg/apis pkg/client pkg/decode pkg/informers pkg/metrics pkg/reconcile pkg/redact pkg/serverclock)
computed=(pkg/batchscheduler pkg/cron pkg/monitoring pkg/podspec pkg/podview pkg/sparkconf pkg/submit pkg/translate pkg/validation)
pure pkg/controller/lifecycle pkg/apis "${computed[@]}" "${decided[@]}"
room pkg/controller/run pkg/apipath pkg/apis pkg/client "${computed[@]}" "${decided[@]}" pkg/controller/lifecycle pkg/tracing
room pkg/controller "${kit[@]}" "${computed[@]}" "${decided[@]}" pkg/tracing pkg/webui
room pkg/scheduledapp "${kit[@]}" "${computed[@]}"
pure pkg/connect/activity pkg/webui/jsonstream
room pkg/connect/probe pkg/connect/activity pkg/serverclock pkg/sparkconf pkg/webui
room pkg/connect "${kit[@]}" "${computed[@]}" pkg/diagnosis pkg/ui pkg/webui
room pkg/webhook pkg/apis pkg/client pkg/decode pkg/informers pkg/quota "${computed[@]}"

for package in pkg/*/; do
  package="${package%/}"
  case "${rooms}" in
    *" ${package} "*) ;;
    *)
      failed=1
      echo "hack/verify-imports.sh: what may ${package} import? Give it a line here, and a rule of depguard in .golangci.yaml" >&2
      ;;
  esac
done

# shellcheck disable=SC2046
report "the operator" "it uses client-go alone, and tools are not part of it" $(go list -deps ./cmd/... |
  grep -E '^(sigs.k8s.io/controller-runtime|k8s.io/(kubernetes|apiserver|code-generator)|testing|net/http/httptest)(/|$)')

exit "${failed}"
