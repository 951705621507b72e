#!/usr/bin/env bash
# Usage: hack/clients.sh
# Fetches the released clients that test/clients and test/e2e run, in the versions that its *.txt say, into the user's cache, and prints
# the folder that holds them:
#   airflow/bin/python   with Airflow and its Kubernetes provider
#   kubeflow/bin/python  with the Kubeflow SDK
#   pyspark/bin/python   with the client of Spark Connect, for test/e2e
#   wheels/              what the Job of examples/spark-connect-job.yaml installs, and pip, for Python 3.11 of the images of Spark
#   argocd/health.lua    the script by which Argo CD judges a SparkApplication
# The cache outlasts the checkout: it is keyed by these versions and by that of Python.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
pins=test/clients
job_python=3.11 # of the images of Spark
cache="${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME}/.cache}/spark-operator/clients"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "$(python3 --version) is too old for the clients: install Python 3.11 or newer" >&2
  exit 1
fi
key="$( (python3 --version && sha256sum -- "${pins}"/*.txt) | sha256sum | cut -c1-12)"
# A virtual environment knows its own path, so it is built in place; this file says that it is finished.
finished="${cache}/${key}/finished"

if [ ! -e "${finished}" ]; then
  mkdir -p "${cache}"
  exec 9>"${cache}/lock"
  flock 9
fi

# environment NAME FLAG...: a virtual environment with exactly the packages of NAME.txt.
environment() {
  python3 -m venv "${cache}/${key}/$1"
  install "$1" --requirement "${pins}/$1.txt" "${@:2}"
}

# install NAME FLAG...: packages into an environment.
install() {
  "${cache}/${key}/$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
    --no-deps --no-compile --only-binary :all: "${@:2}"
}

# wheels: the packages of job.txt as files, which pip installs without a network.
wheels() {
  local pip=("${cache}/${key}/kubeflow/bin/python" -m pip) machine
  local flags=(--quiet --disable-pip-version-check --no-cache-dir --no-deps)
  machine="$(uname -m)"
  # The client of Spark Connect is released as source alone, which is Python.
  "${pip[@]}" wheel "${flags[@]}" --no-binary pyspark-client --wheel-dir "${cache}/${key}/wheels" "$(grep '^pyspark-client==' "${pins}/job.txt")"
  "${pip[@]}" download "${flags[@]}" --only-binary :all: --python-version "${job_python}" --platform "manylinux_2_28_${machine}" \
    --platform "manylinux2014_${machine}" --dest "${cache}/${key}/wheels" --requirement <(grep -v '^pyspark-client==' "${pins}/job.txt")
}

# pyspark: the client of Spark Connect. Most of its packages are among the wheels, which fit if this machine has the same Python.
pyspark() {
  if python3 -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "${job_python}"; then
    python3 -m venv "${cache}/${key}/pyspark"
    install pyspark --no-index --find-links "${cache}/${key}/wheels" --requirement <(grep --fixed-strings --line-regexp --file "${pins}/job.txt" "${pins}/pyspark.txt")
  fi
  environment pyspark --no-binary pyspark-client
}

# argocd_script: from Argo CD's Go module, so that the checksum database vouches for it.
argocd_script() {
  local module answer archive
  module="$(<"${pins}/argocd.txt")"
  # Go answers with an error, too, if building that module takes a newer Go than this; its archive is there all the same.
  answer="$(cd / && GOFLAGS=-mod=mod GOTOOLCHAIN=local go mod download -json "${module}")" || true
  archive="$(sed -n 's/^\t"Zip": "\(.*\)",\{0,1\}$/\1/p' <<<"${answer}")"
  if [ -z "${archive}" ]; then
    printf 'could not fetch %s:\n%s\n' "${module}" "${answer}" >&2
    return 1
  fi
  mkdir "${cache}/${key}/argocd"
  python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
    "${archive}" "${module}/resource_customizations/sparkoperator.k8s.io/SparkApplication/health.lua" \
    >"${cache}/${key}/argocd/health.lua"
}

if [ ! -e "${finished}" ]; then
  echo "fetching the clients of test/clients (once for these versions; about a minute)" >&2
  rm -rf "${cache:?}/${key}"
  mkdir "${cache}/${key}"
  argocd_script &
  script=$!
  environment kubeflow
  (
    wheels
    pyspark
  ) &
  pyspark=$!
  environment airflow
  wait "${script}"
  wait "${pyspark}"
  touch "${finished}"
fi
echo "${cache}/${key}"
