# SPDX-License-Identifier: Apache-2.0

"""Runs batch jobs and connects to servers with the Kubeflow SDK.

"read": the state of every job of "namespace": {name: state}.
"run": what becomes of a job "name" with "arguments": {"verdict": its state at the end, "message": ...}.
"connect": the URL to which a new server "name" is connected: {"verdict": URL, "message": ""}.
"""

import os
import sys
from types import ModuleType

from serve import serve

# The SDK imports the session of Spark Connect, for which there is no server here: its URL stands for it.
class Builder:
    def remote(self, url):
        self.url = url
        return self

    def getOrCreate(self):
        return self.url


session = ModuleType("pyspark.sql")
session.SparkSession = type("SparkSession", (), {"builder": Builder()})
sys.modules["pyspark"], sys.modules["pyspark.sql"] = ModuleType("pyspark"), session

from kubeflow.common.types import KubernetesBackendConfig  # noqa: E402
from kubeflow.spark import SparkClient  # noqa: E402
from kubeflow.spark.options import Name  # noqa: E402
from kubeflow.spark.types.types import FileJob  # noqa: E402


def client(request):
    return SparkClient(KubernetesBackendConfig(namespace=request["namespace"], config_file=os.environ["KUBECONFIG"]))


def run(request):
    spark = client(request)
    job = FileJob("local:///opt/app.py", args=request["arguments"])
    name = spark.submit_job(job, num_executors=1, options=[Name(request["name"])])
    try:
        done = spark.wait_for_job_status(name, timeout=120, polling_interval=1)
    except RuntimeError as failure:
        return {"verdict": spark.get_job(name).status.value, "message": str(failure)[:1000]}
    return {"verdict": done.status.value, "message": ""}


def connect(request):
    spark = client(request)
    # As in a pod; outside of a cluster it would start kubectl port-forward.
    os.environ["KUBERNETES_SERVICE_HOST"], os.environ["SPARK_CONNECT_READY_DELAY_SEC"] = "10.0.0.1", "0"
    return {"verdict": spark.connect(num_executors=1, options=[Name(request["name"])], timeout=120), "message": ""}


def read(request):
    return {job.name: job.status.value for job in client(request).list_jobs()}


serve({"run": run, "connect": connect, "read": read})
