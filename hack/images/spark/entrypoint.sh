#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The entrypoint of the Spark image: what Spark's Kubernetes backend expects to run in a pod, for Spark 3.3 to 4.3.
#
#   driver ARGS...    spark-submit in client mode; ARGS come from the submission
#   executor          an executor; everything it has to know comes from the environment that the driver gives it
#   COMMAND ARGS...   that command
set -euo pipefail

export SPARK_HOME=${SPARK_HOME:-/opt/spark}

# Hadoop refuses to run as a user without a name, and some clusters make users up. In the image /etc/passwd belongs to
# the group root, which such users are in; with a read-only root file system the cluster has to bring the name itself.
name_user() {
  local uid
  uid=$(id -u)
  if ! getent passwd "$uid" >/dev/null && [[ -w /etc/passwd ]]; then
    echo "$uid:x:$uid:$(id -g):${SPARK_USER_NAME:-Spark}:/home/spark:/usr/sbin/nologin" >>/etc/passwd
  fi
}

# Prints its arguments that are not empty, joined by colons.
join_path() {
  local entry joined=
  for entry; do
    [[ -z $entry ]] || joined+=${joined:+:}$entry
  done
  printf '%s' "$joined"
}

# Fails unless each of the variables named is set.
require() {
  local name
  for name; do
    if [[ -z ${!name:-} ]]; then
      echo "entrypoint.sh: $name is not set; it comes from Spark's Kubernetes backend" >&2
      exit 64
    fi
  done
}

run_driver() {
  require SPARK_DRIVER_BIND_ADDRESS
  exec tini -s -- "$SPARK_HOME/bin/spark-submit" \
    --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
    --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" \
    --deploy-mode client "$@"
}

run_executor() {
  require SPARK_DRIVER_URL SPARK_EXECUTOR_ID SPARK_EXECUTOR_CORES SPARK_EXECUTOR_MEMORY SPARK_APPLICATION_ID \
    SPARK_EXECUTOR_POD_IP SPARK_EXECUTOR_POD_NAME SPARK_RESOURCE_PROFILE_ID

  # spark.executor.extraClassPath arrives as SPARK_CLASSPATH.
  local classpath
  classpath=$(join_path "${SPARK_CONF_DIR:-$SPARK_HOME/conf}" "${HADOOP_CONF_DIR:-}" "${SPARK_CLASSPATH:-}" \
    "$SPARK_HOME/jars/*" "${SPARK_EXTRA_CLASSPATH:-}" "${SPARK_DIST_CLASSPATH:-}" "$PWD")

  # JVM options arrive one by one as SPARK_JAVA_OPT_0, SPARK_JAVA_OPT_1 and so on, in which order matters.
  local name options=()
  for name in $(compgen -e SPARK_JAVA_OPT_ | sort -V); do
    options+=("${!name}")
  done

  # spark.executor.extraLibraryPath, from Spark 4.1 on.
  if [[ -n ${SPARK_EXECUTOR_LIBRARY_PATH:-} ]]; then
    LD_LIBRARY_PATH=$(join_path "$SPARK_EXECUTOR_LIBRARY_PATH" "${LD_LIBRARY_PATH:-}")
    export LD_LIBRARY_PATH
  fi

  exec tini -s -- "${JAVA_HOME:+$JAVA_HOME/bin/}java" "${options[@]}" \
    "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$classpath" \
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
    --driver-url "$SPARK_DRIVER_URL" \
    --executor-id "$SPARK_EXECUTOR_ID" \
    --cores "$SPARK_EXECUTOR_CORES" \
    --app-id "$SPARK_APPLICATION_ID" \
    --hostname "$SPARK_EXECUTOR_POD_IP" \
    --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
    --podName "$SPARK_EXECUTOR_POD_NAME"
}

name_user

# A Hadoop beside Spark, for distributions that come without one.
if [[ -n ${HADOOP_HOME:-} && -z ${SPARK_DIST_CLASSPATH:-} ]]; then
  SPARK_DIST_CLASSPATH=$("$HADOOP_HOME/bin/hadoop" classpath)
  export SPARK_DIST_CLASSPATH
fi

case ${1:-} in
  driver) run_driver "${@:2}" ;;
  executor) run_executor ;;
  '') echo "entrypoint.sh: expected driver, executor or a command" >&2; exit 64 ;;
  *) exec tini -s -- "$@" ;;
esac
