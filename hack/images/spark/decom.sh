#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Spark gives executor pods this script as their preStop hook when spark.decommission.enabled is true. It requests the
# executor to move its blocks elsewhere and waits until the executor has ended. The kubelet ends the wait after the
# grace period of the pod.
set -euo pipefail

executor=$(pgrep --oldest --full '^[^ ]*java .*\.KubernetesExecutorBackend ') || exit 0
echo "decommissioning executor process $executor"
kill -PWR "$executor"
tail --pid="$executor" --follow /dev/null
