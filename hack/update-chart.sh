#!/usr/bin/env bash
# Generates what is derived from the comments in the chart's values.yaml: the table in its README and the schema of values.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
hack/tool.sh helm-docs
hack/tool.sh helm-values-schema-json
bin/helm-docs --log-level warning --chart-search-root charts/spark-operator --sort-values-order file
cd charts/spark-operator
../../bin/helm-values-schema-json --no-additional-properties --draft 7 --indent 2 --output values.schema.json \
  --schema-root.title "Values of the chart spark-operator" --schema-root.additional-properties=false >/dev/null
