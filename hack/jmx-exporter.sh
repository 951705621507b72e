#!/usr/bin/env bash
# Usage: hack/jmx-exporter.sh
# Fetches the Java agent of the JMX exporter with Maven, once into the user's cache, and links it as bin/jmx-exporter.jar.
# The end-to-end tests mount it from a ConfigMap: the JAR of 1.x is too large for one.
set -o errexit -o nounset -o pipefail

version=0.20.0
sha256=8b67ed40485d475648c36d11d21464b484406f85faf912b3363f71a6a7861320

cd "$(dirname "${BASH_SOURCE[0]}")/.."
name="jmx_prometheus_javaagent"
jar="${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME}/.cache}/spark-operator/tools/${name}-${version}.jar"

if [ ! -f "${jar}" ]; then
  hack/prerequisites.sh maven
  mkdir -p "${jar%/*}"
  unfinished="$(mktemp -d "${jar%/*}/jmx-exporter.XXXXXX")"
  trap 'rm -rf "${unfinished}"' EXIT
  mvn --quiet --batch-mode dependency:copy "-Dartifact=io.prometheus.jmx:${name}:${version}" "-DoutputDirectory=${unfinished}" >&2
  echo "${sha256}  ${unfinished}/${name}-${version}.jar" | sha256sum --check --quiet
  mv "${unfinished}/${name}-${version}.jar" "${jar}"
fi

mkdir -p bin
ln -sfn "${jar}" bin/jmx-exporter.jar
