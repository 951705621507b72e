# SPDX-License-Identifier: Apache-2.0

"""Runs the operator and the sensor of Airflow for SparkApplications.

"read": what both conclude about every application of "namespace": {name: {"operator": ..., "sensor": ...}}.
"run": what becomes of a task that runs "manifest": {"verdict": "succeeded" or "failed", "message": ...}.
"""

import os
import time
from types import SimpleNamespace

from serve import serve

from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.providers.cncf.kubernetes.operators import custom_object_launcher
from airflow.providers.cncf.kubernetes.operators.spark_kubernetes import SparkKubernetesOperator
from airflow.providers.cncf.kubernetes.sensors.spark_kubernetes import SparkKubernetesSensor
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk.bases.operator import ExecutorSafeguard
from kubernetes.client import ApiException, CustomObjectsApi

kubeconfig = os.environ["KUBECONFIG"]

# It looks every 10 seconds. Looking more often, it sees every state that is published.
custom_object_launcher.time = SimpleNamespace(sleep=lambda seconds: time.sleep(0.1))


def run(request):
    operator = SparkKubernetesOperator(
        task_id=request["manifest"]["metadata"]["name"],
        namespace=request["namespace"],
        template_spec=request["manifest"],
        config_file=kubeconfig,
        random_name_suffix=False,
        get_logs=False,  # there is no kubelet that has any
        delete_on_termination=request["delete"],
        base_container_status_polling_interval=0.2,
        startup_check_interval_seconds=1,
    )
    instance = SimpleNamespace(
        dag_id="contract", task_id=operator.task_id, map_index=-1, try_number=1, xcom_push=lambda key, value: None
    )
    context = {
        "ti": instance,
        "task_instance": instance,
        "run_id": request["run"],
        "dag": SimpleNamespace(parent_dag=None),
    }
    ExecutorSafeguard.tracker.set(operator)  # as the task runner does
    try:
        operator.execute(context)
    except (AirflowException, ApiException) as failure:
        return {"verdict": "failed", "message": str(failure)[:1000]}
    return {"verdict": "succeeded", "message": ""}


def read(request):
    hook = KubernetesHook(config_file=kubeconfig)
    custom_objects = CustomObjectsApi(hook.get_conn())
    applications = custom_objects.list_namespaced_custom_object(
        "sparkoperator.k8s.io", "v1beta2", request["namespace"], "sparkapplications"
    )
    return {
        app["metadata"]["name"]: {
            "operator": read_as_operator(hook.core_v1_client, custom_objects, app),
            "sensor": read_as_sensor(hook, app),
        }
        for app in applications["items"]
    }


def read_as_operator(core, custom_objects, app):
    metadata = app["metadata"]
    template = {"spark": {"apiVersion": app["apiVersion"], "kind": app["kind"], "metadata": {}, "spec": app["spec"]}}
    launcher = custom_object_launcher.CustomObjectLauncher(
        metadata["name"], metadata["namespace"], core, custom_objects, template
    )
    try:
        return "waiting" if launcher.spark_job_not_running(app) else "started"
    except AirflowException:
        return "failed"


def read_as_sensor(hook, app):
    metadata = app["metadata"]
    sensor = SparkKubernetesSensor(
        task_id=metadata["name"], application_name=metadata["name"], namespace=metadata["namespace"]
    )
    sensor.__dict__["hook"] = hook  # it takes no kubeconfig
    try:
        return "succeeded" if sensor.poke({}) else "waiting"
    except AirflowException:
        return "failed"


serve({"run": run, "read": read})
