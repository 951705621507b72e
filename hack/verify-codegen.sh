#!/usr/bin/env bash
# Fails when generated files do not match their sources.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
hack/update-codegen.sh
hack/update-chart.sh
generated=(pkg/apis pkg/client manifests charts/spark-operator docs/api.md)
if ! git diff --exit-code --stat -- "${generated[@]}" || [ -n "$(git status --porcelain -- "${generated[@]}")" ]; then
  git status --short -- "${generated[@]}"
  echo "generated files are out of date: run make generate and commit the result" >&2
  exit 1
fi
