#!/usr/bin/env bash
# From nothing to a completed Spark application: `make demo` calls this. It starts a Kubernetes on this machine, or uses the
# cluster of KUBE_CONTEXT with the images IMAGE and SPARK_IMAGE, and starts nothing then. It can be run again at any time.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=hack/phases.sh
source hack/phases.sh

readonly namespace=spark-operator job_namespace=default app=spark-pi release=spark-operator
# What the demo made has this label, in existing clusters too.
readonly mark=spark-operator-demo
# Seconds without any change after which the application counts as stuck.
readonly patience=300
context="${KUBE_CONTEXT:-}"
operator_image="${IMAGE:-${OPERATOR_IMAGE:?run make demo}}"
spark_image="${SPARK_IMAGE:?run make demo}"
spark_version="${SPARK_VERSION:?run make demo}"
read -ra helm_flags <<<"${DEMO_FLAGS:-}"

fail() {
  echo "demo: $*" >&2
  exit 1
}

if [ -n "${context}" ]; then
  kubectl_command=(kubectl --context "${context}")
else
  kubectl_command=(bin/localcluster kubectl)
fi
kubectl() { command "${kubectl_command[@]}" "$@"; }

helm() { bin/helm ${context:+--kube-context "${context}"} --namespace "${namespace}" "$@"; }

# make_targets builds what the demo needs; the Makefile knows what is there already.
make_targets() { make --no-print-directory --silent "$@"; }

start_cluster() {
  [ "$(uname -s)" = Linux ] || fail "the local cluster needs Linux: use a cluster with KUBE_CONTEXT=name IMAGE=... SPARK_IMAGE=..."
  [ "$(id -u)" = 0 ] || fail "the local cluster needs root: use sudo make demo, or a cluster with KUBE_CONTEXT=name IMAGE=... SPARK_IMAGE=..."

  phase "Debian packages"
  hack/prerequisites.sh build images cluster
  phase "programs"
  make_targets build bin/helm bin/localcluster bin/images
  phase "operator image"
  make_targets operator-image
  phase "Spark image"
  make_targets spark-image
  phase "cluster"
  bin/localcluster up
  KUBECONFIG="$(bin/localcluster kubeconfig)"
  export KUBECONFIG
  phase "images into the cluster"
  bin/localcluster load-image bin/operator-image.tar "bin/spark-image-${spark_version}.tar"
}

use_cluster() {
  [ -n "${IMAGE:-}" ] || fail "KUBE_CONTEXT needs IMAGE=..., an operator image that the cluster can pull (make operator-image builds one)"
  case "${spark_image}" in
    localhost/*) fail "KUBE_CONTEXT needs SPARK_IMAGE=..., a Spark image that the cluster can pull, with its version as tag" ;;
  esac
  if [[ "${spark_image##*:}" =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]]; then spark_version="${BASH_REMATCH[0]}"; fi
  command -v kubectl >/dev/null || fail "kubectl is not in PATH"
  kubectl version >/dev/null || fail "no answer from the cluster of context ${context}"

  phase "programs"
  make_targets bin/helm
  if [ -n "$(helm list --short --filter "^${release}\$")" ] && [ -z "$(helm list --short --selector "${mark}=true")" ]; then
    fail "release ${release} in namespace ${namespace} is not of this demo: it is left alone"
  fi
  if kubectl get --namespace "${job_namespace}" sparkapplications.sparkoperator.k8s.io "${app}" >/dev/null 2>&1 &&
    [ -z "$(kubectl get --namespace "${job_namespace}" sparkapplications.sparkoperator.k8s.io --selector "${mark}=true" --output name)" ]; then
    fail "SparkApplication ${job_namespace}/${app} is not of this demo: it is left alone"
  fi
}

install_operator() {
  local repository="${operator_image%:*}" tag="${operator_image##*:}" build=""
  case "${tag}" in "${operator_image}" | */*) fail "IMAGE=${operator_image} has no tag" ;; esac
  # A new build under the same tag: the pod has to start again.
  [ -n "${context}" ] || build="$(sha256sum bin/spark-operator | cut -c1-16)"
  # Helm installs CRDs but never upgrades them.
  kubectl apply --server-side --force-conflicts --filename charts/spark-operator/crds/
  helm upgrade --install "${release}" charts/spark-operator --create-namespace --skip-crds --labels "${mark}=true" \
    --set "image.registry=" --set "image.repository=${repository}" --set "image.tag=${tag}" \
    --set "spark.jobNamespaces={${job_namespace}}" \
    --set-string "controller.annotations.${mark}-build=${build}" \
    "${helm_flags[@]}" \
    --wait --timeout 3m >/dev/null || { explain_operator; fail "the operator did not become ready"; }
  kubectl --namespace "${namespace}" get deployments
}

run_spark_pi() {
  local state="" watch
  kubectl --namespace "${job_namespace}" delete sparkapplication "${app}" --ignore-not-found --cascade=foreground
  sed -e "s|^  image: .*|  image: ${spark_image}|" -e "s|^  sparkVersion: .*|  sparkVersion: ${spark_version}|" examples/spark-pi.yaml |
    kubectl label --local --filename - "${mark}=true" --output yaml |
    kubectl --namespace "${job_namespace}" apply --filename -

  exec {states}< <(exec "${kubectl_command[@]}" --namespace "${job_namespace}" get sparkapplication "${app}" --watch \
    --output 'jsonpath={.status.applicationState.state}{"\n"}')
  watch="$!"
  # shellcheck disable=SC2064 # the process of now
  trap "kill ${watch} 2>/dev/null || true" EXIT
  local last="-"
  while IFS= read -r -t "${patience}" -u "${states}" state; do
    if [ "${state}" != "${last}" ]; then
      printf '  %6.1f s  %s\n' "$((${EPOCHREALTIME/[.,]/} - phase_start))e-6" "${state:-New}"
      last="${state}"
    fi
    case "${state}" in COMPLETED | FAILED) break ;; esac
  done
  kill "${watch}" 2>/dev/null || true
  # A timeout of read leaves no state.
  [ "${last}" = COMPLETED ] || {
    explain_app
    [ "${state}" = FAILED ] || echo "no change for ${patience} s" >&2
    fail "SparkApplication ${job_namespace}/${app} is ${last:-New}, not COMPLETED"
  }
}

explain_operator() {
  kubectl --namespace "${namespace}" describe pods --selector app.kubernetes.io/component=controller | tail -n 40 || true
  kubectl --namespace "${namespace}" logs deployment/spark-operator-controller --tail 50 || true
} >&2

explain_app() {
  kubectl --namespace "${job_namespace}" describe sparkapplication "${app}" || true
  echo "-- driver pod"
  kubectl --namespace "${job_namespace}" describe pod "${app}-driver" | sed -n '/^Events:/,$p' || true
  kubectl --namespace "${job_namespace}" logs "${app}-driver" --tail 50 || true
  echo "-- operator"
  kubectl --namespace "${namespace}" logs deployment/spark-operator-controller --tail 50 || true
} >&2

if [ -n "${context}" ]; then
  use_cluster
else
  start_cluster
fi
phase "operator"
install_operator
phase "SparkPi"
run_spark_pi
phase_end

printf '\n== Result\n'
kubectl --namespace "${job_namespace}" get sparkapplications
kubectl --namespace "${job_namespace}" logs "${app}-driver" | grep 'Pi is roughly' ||
  fail "the driver's log has no line 'Pi is roughly'"
phase_times

if [ -n "${context}" ]; then
  cat <<NEXT

Next
  kubectl --context ${context} describe sparkapplication ${app}
  kubectl --context ${context} delete sparkapplication ${app}     # the driver pod goes with it
  helm --kube-context ${context} uninstall ${release} --namespace ${namespace}
NEXT
else
  cat <<NEXT

Next
  export KUBECONFIG=${KUBECONFIG}
  bin/localcluster kubectl describe sparkapplication ${app}       # or kubectl
  bin/localcluster kubectl logs ${app}-driver
  make cluster-down                                             # end it all
NEXT
fi
