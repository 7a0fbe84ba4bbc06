"""A pod that the operator planned for Airflow runs as it was planned, by the rights that the operator grants."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from fix_airflow import WORKER, Airflow
from fix_installed import Kubectl, get

from mesoscale.manifests import pods, role

COLLECT = Path(__file__).parents[2] / "dags" / "mesoscale_collect.py"
SAID = "said {{ ds }} by the pod"  # by which Jinja would be seen at work


def pod(namespace: str, image: str) -> dict[str, Any]:
    container = {
        "name": "base",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python", "-c", f"print('{SAID}')"],
        "securityContext": pods.container_security(),
    }
    spec = {"securityContext": pods.security(), "automountServiceAccountToken": False, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace}, "spec": spec}


def planned(namespace: str, image: str) -> dict[str, Any]:
    one = {
        "dagId": f"{namespace}.p.hello",
        "description": "says something",
        "schedule": None,
        "namespace": namespace,
        "tags": ["mesoscale", "p"],
        "retries": 0,
        "tasks": [{"taskId": "hello", "pod": pod(namespace, image)}],
    }
    return {"version": 1, "pipeline": "p", "dags": [one]}


def identity(kubectl: Kubectl, namespace: str, rules: list[dict[str, Any]], folder: Path) -> Path:
    """A kubeconfig, with token and ca.crt beside it, of an account that has these rights in the namespace."""
    kubectl("create", "serviceaccount", "worker", f"--namespace={namespace}")
    api = "rbac.authorization.k8s.io"
    granted = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": "worker"}, "rules": rules}
    bound = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "worker"},
        "roleRef": {"apiGroup": api, "kind": "Role", "name": "worker"},
        "subjects": [{"kind": "ServiceAccount", "name": "worker", "namespace": namespace}],
    }
    for one in (granted, bound):
        kubectl("apply", f"--namespace={namespace}", "--filename=-", text=json.dumps(one))
    token = kubectl("create", "token", "worker", f"--namespace={namespace}").strip()
    config = yaml.safe_load(kubectl("config", "view", "--raw", "--minify", "--flatten"))
    config["users"] = [{"name": "worker", "user": {"token": token}}]
    config["contexts"][0]["context"] |= {"user": "worker"}
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_text(
        get(kubectl, "configmap", "kube-root-ca.crt", f"--namespace={namespace}")["data"]["ca.crt"]
    )
    return folder / "kubeconfig"


def test_a_planned_pod_runs_and_its_words_reach_airflows_log(
    kubectl: Kubectl,
    namespace: Callable[[str], str],
    airflow: Airflow,
    tmp_path: Path,
    images_of_the_checkout: Mapping[str, str],
) -> None:
    here = namespace("airflow")
    rights = [*role.WORKER, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    config = identity(kubectl, here, rights, tmp_path)
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "p-dag", "labels": {"mesoscale.dev/dag": "true"}},
    }
    held["data"] = {"p.json": json.dumps(planned(here, images_of_the_checkout["operator"]))}
    kubectl("apply", f"--namespace={here}", "--filename=-", text=json.dumps(held))

    server = yaml.safe_load(config.read_text())["clusters"][0]["cluster"]["server"]
    airflow.run("python", str(COLLECT), "--once", f"--namespace={here}", f"--server={server}", f"--identity={tmp_path}")
    assert (airflow.plans / here / "p-dag.json").exists()

    name, environment = f"{here}.p.hello", {"KUBECONFIG": str(config)}
    airflow.run("airflow", "db", "migrate")
    ran = airflow.run("airflow", "dags", "test", name, **environment, **{WORKER: name})
    assert f"[base] {SAID}" in ran.stdout + ran.stderr
    assert get(kubectl, "pods", f"--namespace={here}")["items"] == []  # done and taken away
