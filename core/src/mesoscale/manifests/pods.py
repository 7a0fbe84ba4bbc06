"""Pods of our programs: locked down as restricted Pod Security asks, with the document, bindings and code mounted.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mesoscale.bindings import WEBHOOK
from mesoscale.manifests import brokers, database, document, quantities
from mesoscale.manifests.installation import Program
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import Manifest

USER = 65532  # as in the images; nobody's on the node
DOCUMENT = "/mesoscale/document"
CODE = "/mesoscale/code"  # in images of the user's own
STATE = "/mesoscale/state"  # a copy of what a stage remembers, which spares a container that starts again the reading
MODELS = "/mesoscale/models"
BINDINGS = document.BINDINGS
WHERE_SERVICES_ARE = ("--bindings", BINDINGS)
TOLD = ("--document", f"{DOCUMENT}/{document.FILE}", *WHERE_SERVICES_ARE)
METRICS_PORT = 9090
GRACE = 30  # seconds that a program has to finish its batch
UNLIMITED = "4Gi"  # of copies of state, where an installation limits no memory

Service = str  # kafka or postgresql


def pod(target: Target, container: Manifest, service_account: str, files: Sequence[str] = (), **more: Any) -> Manifest:
    """The spec of a pod with one container, whose mounts it makes the volumes for; `files` as for `volumes`."""
    spec = {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security(),
        "terminationGracePeriodSeconds": GRACE,
        "containers": [container],
        "volumes": volumes(target, container["volumeMounts"], files),
        **more,
    }
    if secrets := target.installation.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in secrets]
    return spec


def container(
    target: Target,
    name: str,
    image: str,
    command: Iterable[str],
    program: Program,
    services: Iterable[Service],
    ports: Mapping[str, int] | None = None,
    told: Iterable[str] = TOLD,
) -> Manifest:
    """A container of one of our programs, which is told where its document and bindings are."""
    listening = [{"name": port, "containerPort": number, "protocol": "TCP"} for port, number in (ports or {}).items()]
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": target.installation.image_pull_policy,
        "command": [*command, *told],
        "env": [{"name": "PYTHONUNBUFFERED", "value": "1"}],
        "resources": quantities.resources(program),
        "securityContext": container_security(),
        "volumeMounts": mounts(services),
        **({"ports": listening} if listening else {}),
    }


def remembering() -> list[Manifest]:
    """Where a stage keeps copies of its state; what counts is the changelog, so they may go with the pod."""
    return [{"name": "state", "mountPath": STATE}]


def scoring(model: str) -> list[Manifest]:
    """Where a stage finds the model that it scores with."""
    return [{"name": f"{model}-model", "mountPath": f"{MODELS}/{model}", "readOnly": True}]


def calling(secret: str) -> list[Manifest]:
    """Where a sink finds the address and the key of whom it calls."""
    return [_mount(f"{WEBHOOK}{secret}", f"{BINDINGS}/{WEBHOOK}{secret}")]


def mounts(services: Iterable[Service]) -> list[Manifest]:
    """Where a program finds a place to write, its document and the bindings of these services."""
    folders = {"tmp": "/tmp", "document": DOCUMENT} | {service: f"{BINDINGS}/{service}" for service in services}
    return [_mount(volume, folder) for volume, folder in folders.items()]


def volumes(target: Target, mounted: Iterable[Manifest], files: Sequence[str] = ()) -> list[Manifest]:
    """What is behind these mounts; `files` of the user's own are those that this program looks for by name."""
    return [_volume(target, mount["name"], files) for mount in mounted]


def _mount(volume: str, folder: str) -> Manifest:
    return {"name": volume, "mountPath": folder} | ({} if volume == "tmp" else {"readOnly": True})


def security(user: int = USER) -> Manifest:
    """Of a pod: a user who may nothing, in a group that may read what is mounted."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """Of a container: no way to more than it has."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def probe(path: str, port: str, period: int, failures: int) -> Manifest:
    """Ask over HTTP every `period` seconds; after `failures` wrong answers in a row it counts."""
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": period, "failureThreshold": failures}


def _volume(target: Target, name: str, files: Sequence[str]) -> Manifest:
    if name == "tmp":
        return {"name": name, "emptyDir": {"sizeLimit": "256Mi"}}
    if name == "state":
        most = target.installation.resources.stage.limits.memory or UNLIMITED  # what is remembered is in memory, too
        return {"name": name, "emptyDir": {"sizeLimit": most}}
    if name.startswith(WEBHOOK):
        secret = _secret(name.removeprefix(WEBHOOK), ())  # what it lacks, the program can say
        return {"name": name, "projected": {"defaultMode": 0o440, "sources": [secret]}}
    if name.endswith("-model"):
        # Without it the stage's program says what it lacks and how to get it, which a pod that never starts could not.
        return {"name": name, "configMap": {"name": target.name(name), "optional": True, "defaultMode": 0o440}}
    if name == "document":
        sources = _document(target, files)
    else:
        sources = {"kafka": _kafka, "postgresql": _postgresql}[name](target)
    return {"name": name, "projected": {"defaultMode": 0o440, "sources": sources}}


def _document(target: Target, files: Sequence[str]) -> list[Manifest]:
    """Of two files of one name the last one stands, so nobody's code takes the place of the document."""
    items = [{"key": document.FILE, "path": document.FILE}]
    return [*document.code(target, files), {"configMap": {"name": document.name(target), "items": items}}]


def _kafka(target: Target) -> list[Manifest]:
    found = brokers.of(target)
    return [
        *([_secret(found.secret, found.login)] if found.secret else []),
        *([_secret(found.authority, (brokers.AUTHORITY,))] if found.authority else []),
        _entries(target, "kafka"),
    ]


def _postgresql(target: Target) -> list[Manifest]:
    login = database.login_secret(target)
    if not database.made(target):
        return [_secret(login, ()), _entries(target, "postgresql")]
    authority = _secret(database.authority_secret(target), (database.AUTHORITY,))
    return [_secret(login, database.LOGIN), authority, _entries(target, "postgresql")]


def _secret(name: str, entries: Iterable[str]) -> Manifest:
    """These entries of a Secret, or all: those that Strimzi and CloudNativePG make hold more than text."""
    items = [{"key": entry, "path": entry} for entry in entries]
    return {"secret": {"name": name} | ({"items": items} if items else {})}


def _entries(target: Target, service: Service) -> Manifest:
    items = [{"key": f"{service}.{entry}", "path": entry} for entry in document.entries(target)[service]]
    return {"configMap": {"name": document.bindings_name(target), "items": items}}
