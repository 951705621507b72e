#!/usr/bin/env bash
# Regenerates everything that is derived from pkg/apis: deep copies, defaults,
# registration, the client in pkg/client, docs/api.md, and the CRDs in manifests/crd with the
# chart's copy.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root="${PWD}"
export GOBIN="${root}/bin"
mkdir -p "${GOBIN}"
module="$(go list -m)"
# The directory is only known of a module that is there.
go -C hack/tools/code-generator mod download
codegen="$(go -C hack/tools/code-generator list -m -f '{{.Dir}}' k8s.io/code-generator)"
# shellcheck source=/dev/null
source "${codegen}/kube_codegen.sh"

common=(--boilerplate hack/boilerplate.go.txt)

kube::codegen::gen_helpers "${common[@]}" pkg/apis
kube::codegen::gen_register "${common[@]}" pkg/apis

# The OpenAPI definitions are only an intermediate (20,000 lines): applyconfiguration-gen
# needs them as a schema so that fake clientsets understand server-side apply.
kube::codegen::gen_openapi "${common[@]}" \
  --output-dir hack/tools/code-generator/openapi --output-pkg "${module}/hack/tools/code-generator/openapi" \
  --output-model-name-file zz_generated.model_name.go \
  --extra-pkgs k8s.io/api/core/v1 --extra-pkgs k8s.io/api/networking/v1 \
  --extra-pkgs k8s.io/apimachinery/pkg/util/intstr \
  --report-filename hack/tools/code-generator/openapi/violations.list --update-report \
  pkg/apis
go -C hack/tools/code-generator run schema.go >"${GOBIN}/schema.json"
# Linters and go mod tidy would take it for a part of the module.
rm -r hack/tools/code-generator/openapi

kube::codegen::gen_client "${common[@]}" --with-watch --with-applyconfig \
  --applyconfig-openapi-schema "${GOBIN}/schema.json" \
  --output-dir pkg/client --output-pkg "${module}/pkg/client" \
  pkg/apis

go -C hack/tools/controller-gen build -o "${GOBIN}/controller-gen" sigs.k8s.io/controller-tools/cmd/controller-gen
# The type number is in the status only, for figures that the operator computes.
"${GOBIN}/controller-gen" crd:allowDangerousTypes=true,generateEmbeddedObjectMeta=true paths=./pkg/apis/... output:crd:dir=manifests/crd
# Fields of Kubernetes' own types lose their descriptions.
go -C hack/tools/code-generator run ./describe "${root}"/manifests/crd/sparkoperator.*.yaml
mkdir -p charts/spark-operator/crds
cp manifests/crd/sparkoperator.*.yaml charts/spark-operator/crds/

hack/tool.sh crd-ref-docs
"${GOBIN}/crd-ref-docs" --source-path pkg/apis --config hack/crd-ref-docs.yaml --renderer markdown --output-path docs/api.md >/dev/null
