"""What a cluster of `make cluster` promises to those who use it: pods, names, claims, logs, exec, limits, metrics."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fix_cluster import Running

from cluster import images

Kubectl = Callable[..., str]
PYTHON = images.debian_tag("python")
SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
NOBODY = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
PEER = """
import http.server, os, sys
class Peer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ["HOSTNAME"].encode())
http.server.ThreadingHTTPServer(("", 8000), Peer).serve_forever()
"""
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def applied(kubectl: Kubectl, *objects: dict[str, Any]) -> None:
    kubectl("apply", "--filename=-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def until(what: str, seconds: float, ask: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.5)


def pod_spec(*command: str, **more: Any) -> dict[str, Any]:
    container = {"name": "one", "image": PYTHON, "command": ["python3", *command], "securityContext": SAFE, **more}
    return {"securityContext": NOBODY, "containers": [container], "terminationGracePeriodSeconds": 0}


@pytest.fixture
def peers(room: Kubectl) -> Iterator[Kubectl]:
    """Two pods with names that stay, a Service in front of both, and a claim for each."""
    ready = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1}
    spec = pod_spec("-uc", PEER, readinessProbe=ready, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    labels = {"app": "peer"}
    applied(
        room,
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "peer"},
            "spec": {
                "replicas": 2,
                "serviceName": "peer",
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
            },
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name},
                "spec": {"selector": labels, "ports": [{"port": port, "targetPort": 8000}], **address},
            }
            for name, port, address in (("peer", 8000, {"clusterIP": "None"}), ("front", 80, {}))
        ),
    )
    room("rollout", "status", "statefulset/peer", "--timeout=120s")
    yield room
    room("delete", "statefulset/peer", "--wait=false")


def test_pods_find_each_other_by_name_and_keep_what_they_write(peers: Kubectl) -> None:
    def ask(address: str) -> str:
        """Who answers; nobody may be there yet when pods have only just become ready."""
        return peers("exec", "peer-0", "--", "python3", "-c", ASK, address, check=False).strip()

    until("a pod answers to its own name", 60, lambda: ask("http://peer-1.peer:8000") == "peer-1")
    until(
        "both answer at the Service", 60, lambda: {ask("http://front") for _ in range(8)} - {""} == {"peer-0", "peer-1"}
    )
    peers("exec", "peer-0", "--", "sh", "-c", "echo kept >/data/file")
    peers("delete", "pod", "peer-0", "--wait=true")
    peers("rollout", "status", "statefulset/peer", "--timeout=60s")
    assert peers("exec", "peer-0", "--", "cat", "/data/file") == "kept\n"
    assert not peers("exec", "peer-1", "--", "ls", "/data")
    assert "GET /" in peers("logs", "peer-1")


def test_nothing_outside_is_reached_and_a_name_of_it_is_refused_at_once(room: Kubectl) -> None:
    script = """
import socket, time
began = time.monotonic()
for attempt in (lambda: socket.getaddrinfo("example.com", 80), lambda: socket.create_connection(("192.0.2.1", 80), 5)):
    try:
        attempt()
        print("reached")
    except OSError as error:
        print(type(error).__name__)
print("quick" if time.monotonic() - began < 4 else "slow")
"""
    applied(room, job("outside", "-c", script))
    room("wait", "--for=condition=Complete", "job/outside", "--timeout=90s")
    assert room("logs", "job/outside").split() == ["gaierror", "OSError", "quick"]


def test_a_pod_that_takes_more_memory_than_it_may_is_killed(room: Kubectl) -> None:
    applied(room, job("greedy", "-c", "b'x' * (512 << 20)", resources={"limits": {"memory": "32Mi"}}))
    room("wait", "--for=condition=Failed", "job/greedy", "--timeout=90s")
    path = "{.items[0].status.containerStatuses[0].state.terminated.reason}"
    assert room("get", "pod", "--selector=job-name=greedy", f"--output=jsonpath={path}") == "OOMKilled"


def test_what_nodes_and_pods_use_is_known(cluster: Running) -> None:
    until("metrics", 90, lambda: "coredns" in cluster.kubectl("top", "pods", "--namespace=kube-system", check=False))
    assert len(cluster.kubectl("top", "nodes").splitlines()) >= 2


def test_the_audit_log_tells_what_a_service_account_asked_for(cluster: Running, room: Kubectl) -> None:
    if cluster.audit_log is None:
        pytest.skip("only the bare cluster has an audit log")
    script = """
import pathlib, ssl, sys, urllib.error, urllib.request
mine = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
address = f"https://kubernetes.default.svc/api/v1/namespaces/{(mine / 'namespace').read_text()}/secrets"
asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {(mine / 'token').read_text()}"})
try:
    urllib.request.urlopen(asked, context=ssl.create_default_context(cafile=mine / "ca.crt"), timeout=20)
except urllib.error.HTTPError as refusal:
    print(refusal.code)
"""
    applied(room, job("curious", "-c", script))
    room("wait", "--for=condition=Complete", "job/curious", "--timeout=90s")
    assert room("logs", "job/curious") == "403\n"
    namespace = json.loads(room("get", "job/curious", "--output=json"))["metadata"]["namespace"]
    account = f"system:serviceaccount:{namespace}:default"
    told = [json.loads(line) for line in cluster.audit_log.read_text().splitlines() if account in line]
    assert [(one["verb"], one["objectRef"]["resource"], one["responseStatus"]["code"]) for one in told] == [
        ("list", "secrets", 403)
    ]


def job(name: str, *command: str, **more: Any) -> dict[str, Any]:
    spec = pod_spec(*command, **more) | {"restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": spec}},
    }
