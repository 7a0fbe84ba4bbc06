"""A minimal operator, written as most are begun: a Kopf handler that makes ConfigMaps with the synchronous client.

It makes them once, when a document appears, and knows nothing of changes, drift, order, or what is there already.
"""

from typing import Any

import kopf
import kubernetes

CHILDREN = 25
TEXT = "x" * 1000  # bytes; about what a child of ours has


@kopf.on.startup()
def log_in(**_: Any) -> None:
    kubernetes.config.load_kube_config()


@kopf.on.create("bench.mesoscale.dev", "v1", "minimals")
def create(name: str, namespace: str, **_: Any) -> dict[str, int]:
    api = kubernetes.client.CoreV1Api()
    for number in range(CHILDREN):
        body = {"metadata": {"name": f"{name}-{number}"}, "data": {"text": TEXT}}
        kopf.adopt(body)
        api.create_namespaced_config_map(namespace, body)
    return {"made": CHILDREN}
