#!/usr/bin/env bash
# Usage: hack/package.sh FOLDER
# Makes everything of a release in FOLDER: programs and images for two architectures, Helm repository, plain manifests,
# SBOM, licences, checksums, and a note about where all of it comes from. The same commit gives the same files, but for
# the times in index.yaml.
#
# The environment sets VERSION, LDFLAGS and CHART_URL; make package does.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder="${1:?usage: hack/package.sh FOLDER}"
: "${VERSION:?run make package}" "${LDFLAGS:?run make package}" "${CHART_URL:?run make package}"

rm -rf "${folder}"
mkdir -p "${folder}/repo"
# program NAME MODULE IMAGE: builds a program for both architectures, and its image; prints the digest.
program() {
  local name="$1" module="$2" image="$3" architecture binary binaries=()
  for architecture in amd64 arm64; do
    binary="${folder}/${name}-linux-${architecture}"
    CGO_ENABLED=0 GOOS=linux GOARCH="${architecture}" go -C "${module}" build -trimpath -ldflags "${LDFLAGS}" -o "${PWD}/${binary}" .
    binaries+=(--binary "${binary}")
  done
  bin/images release --program "${name}" "${binaries[@]}" --output "${folder}/${image}"
}
digest="$(program spark-operator cmd/spark-operator image)"
archiver_digest="$(program log-archiver cmd/log-archiver log-archiver-image)"

bin/helm package charts/spark-operator --version "${VERSION}" --app-version "${VERSION}" --destination "${folder}/repo" >/dev/null
bin/helm repo index "${folder}/repo" --url "${CHART_URL}"
bin/kustomize build manifests/base >"${folder}/install.yaml"

bin/cyclonedx-gomod bin -json -version "v${VERSION}" -output "${folder}/sbom.cdx.json" "${folder}/spark-operator-linux-amd64" 2>/dev/null
bin/cyclonedx-gomod bin -json -version "v${VERSION}" -output "${folder}/log-archiver-sbom.cdx.json" "${folder}/log-archiver-linux-amd64" 2>/dev/null
# The module of the operator, which a folder replaces in that of the log archiver.
module="$(go list -m)"
sed --in-place --expression "s|pkg:golang/\\.\\./\\.\\.@(devel)|pkg:golang/${module}@v${VERSION}|g" \
  --expression "s|\"name\": \"\\.\\./\\.\\.\"|\"name\": \"${module}\"|; s|\"version\": \"(devel)\"|\"version\": \"v${VERSION}\"|" \
  "${folder}/log-archiver-sbom.cdx.json"
go run ./hack/licenses "${folder}/licenses.tsv" "${folder}/third-party-licenses.txt" . cmd/log-archiver

commit="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
[ -z "$(git status --porcelain 2>/dev/null)" ] || commit+=" with uncommitted changes"
cat >"${folder}/PROVENANCE.md" <<NOTE
# Provenance of spark-operator ${VERSION}

| | |
|---|---|
| Commit | ${commit} |
| Go | $(go env GOVERSION) |
| Built with | make package VERSION=${VERSION} |
| Linker flags | ${LDFLAGS} |
| Image | ${digest} |
| Image of the log archiver | ${archiver_digest} |

To check it, build the same commit with the same version of Go and compare SHA256SUMS. The programs are static, and -trimpath
keeps folders out of them. The image is assembled by hack/images from these programs and nothing else.
NOTE
for image in image log-archiver-image; do
  tar --create --file "${folder}/${image}.tar" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "${folder}/${image}" .
  rm -rf "${folder:?}/${image}"
done
files="$(cd "${folder}" && find . -type f -printf '%P\n' | LC_ALL=C sort)"
# shellcheck disable=SC2086 # one argument for each file
(cd "${folder}" && sha256sum ${files} >SHA256SUMS)
echo "${folder}: $(du -sh "${folder}" | cut -f1), image ${digest}"
