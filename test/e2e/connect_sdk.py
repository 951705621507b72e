# SPDX-License-Identifier: Apache-2.0

"""A notebook of the Kubeflow SDK outside of the cluster. The SDK creates the server NAME, waits for it, forwards a port to it
with kubectl, and connects. In its session, a query runs that takes ten minutes, and beside it another one counts.

Arguments: NAME, NAMESPACE, SERVICE_ACCOUNT, IMAGE and VERSION of Spark, and properties in JSON.
"""

import json
import os
import sys
import threading

from kubeflow.common.types import KubernetesBackendConfig
from kubeflow.spark import SparkClient
from kubeflow.spark.options import Name, PodTemplateOverride
from kubeflow.spark.types.types import Driver

from connect_client import query

name, namespace, account, image, version, conf = sys.argv[1:]


def without_network(server, backend):
    """The SDK sets its own version of Spark, and the URL of a JAR which images of Spark 4.0 and newer have. This cluster has no
    network to load it from."""
    server.spec.spark_version = version
    del server.spec.spark_conf["spark.jars"]


spark = SparkClient(KubernetesBackendConfig(namespace=namespace, config_file=os.environ["KUBECONFIG"])).connect(
    num_executors=1,
    resources_per_executor={"cpu": "2", "memory": "512Mi"},
    spark_conf=json.loads(conf),
    driver=Driver(image=image, service_account=account),
    options=[
        Name(name),
        # The node has two CPUs for all tests.
        PodTemplateOverride("driver", {"spec": {"containers": [
            {"name": "spark-kubernetes-driver", "resources": {"requests": {"cpu": "100m"}}},
        ]}}),
        without_network,
    ],
    timeout=480,
)
slow = threading.Thread(target=query, args=[spark], daemon=True)
slow.start()
if spark.range(1000).filter("id % 2 = 1").count() != 500:
    sys.exit("wrong count")
print("counted", flush=True)
slow.join()
