#!/usr/bin/env bash
# Generates what is derived from the comments in the chart's values.yaml: the table in its README and the schema of values. Also
# generates what the chart takes from the operator, and the manifests that are taken from the chart.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
hack/tool.sh helm-docs
hack/tool.sh helm-values-schema-json
bin/helm-docs --log-level warning --chart-search-root charts/spark-operator --sort-values-order file
cd charts/spark-operator
../../bin/helm-values-schema-json --no-additional-properties --draft 7 --indent 2 --output values.schema.json \
  --schema-root.title "Values of the chart spark-operator" --schema-root.additional-properties=false >/dev/null

# What the admission policies deny is what the operator denies.
cd ../..
go run ./hack/denials >charts/spark-operator/files/denials.yaml

# The manifests for kubectl and kustomize are what the chart renders. Nothing there is managed by Helm.
hack/tool.sh helm
# render FILE ARGUMENT...
render() {
  local file="$1"
  shift
  {
    echo "# Generated from charts/spark-operator by make generate-chart."
    bin/helm template spark-operator charts/spark-operator --namespace spark-operator --skip-tests "$@" |
      sed -e '/^# Source: /d' -e '/helm.sh\/chart: /d' -e 's/managed-by: Helm$/managed-by: kustomize/'
  } >"${file}"
}
render manifests/base/operator.yaml --set 'spark.jobNamespaces={}'
render manifests/overlays/namespaced/operator.yaml
render manifests/overlays/webhook/operator.yaml --set 'spark.jobNamespaces={}' --set webhook.enable=true
bin/helm template spark-operator charts/spark-operator --namespace spark-operator --values test/chart/testdata/ha.values.yaml \
  --show-only templates/controller/poddisruptionbudget.yaml |
  sed -e '/^# Source: /d' -e '/helm.sh\/chart: /d' -e 's/managed-by: Helm$/managed-by: kustomize/' >manifests/overlays/ha/poddisruptionbudget.yaml
