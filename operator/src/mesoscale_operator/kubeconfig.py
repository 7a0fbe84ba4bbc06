"""Where the API server is and as whom to speak to it: the pod's service account, or a kubeconfig file."""

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class AccessMissing(Exception):
    """There is neither a service account nor a kubeconfig, or it lacks what is needed; the message says what."""


@dataclass(frozen=True, slots=True)
class Access:
    """One API server and one identity."""

    server: str
    tls: ssl.SSLContext | None  # None: plain HTTP, as a proxy on loopback speaks it
    token: Callable[[], str | None] = field(repr=False)  # asked again for each request, as tokens are renewed in place


def find(environment: Mapping[str, str], service_account: Path = SERVICE_ACCOUNT) -> Access:
    """The access that this process has: $KUBECONFIG before the service account before ~/.kube/config.

    Raises:
        AccessMissing: none of them is there, or what is there does not suffice.
    """
    if named := environment.get("KUBECONFIG"):
        return from_kubeconfig(Path(named))
    if (service_account / "token").exists():
        return from_service_account(environment, service_account)
    default = Path(environment.get("HOME", "/")) / ".kube" / "config"
    if default.exists():
        return from_kubeconfig(default)
    raise AccessMissing(
        "no API server to speak to: neither a service account nor $KUBECONFIG nor ~/.kube/config is there"
    )


def from_service_account(environment: Mapping[str, str], folder: Path) -> Access:
    """The pod's own identity; its token is read each time, as the kubelet renews it."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    host = f"[{host}]" if ":" in host else host
    tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    return Access(f"https://{host}:{port}", tls, lambda: (folder / "token").read_text().strip())


def from_kubeconfig(path: Path) -> Access:
    """The current context of a kubeconfig: a token or a client certificate, inline or in files beside it.

    Raises:
        AccessMissing: the file is not there, or its context names what it does not hold.
    """
    try:
        config = yaml.safe_load(path.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
    except (OSError, yaml.YAMLError, LookupError, TypeError) as problem:
        raise AccessMissing(f"{path}: no usable context in it ({problem!r})") from problem
    token = user.get("token")
    return Access(cluster["server"].rstrip("/"), _tls(cluster, user, path.parent), lambda: token)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext | None:
    if not cluster["server"].startswith("https:"):
        return None
    authority = _content(cluster, "certificate-authority", folder)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    certificate, key = _content(user, "client-certificate", folder), _content(user, "client-key", folder)
    if certificate and key:
        _present(tls, certificate + b"\n" + key)
    return tls


def _content(section: Mapping[str, Any], name: str, folder: Path) -> bytes | None:
    if inline := section.get(f"{name}-data"):
        return base64.b64decode(inline)
    return (folder / section[name]).read_bytes() if name in section else None


def _present(tls: ssl.SSLContext, certificate_and_key: bytes) -> None:
    """Python's ssl takes a certificate from a file only; the file is readable by this user alone and soon gone."""
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate_and_key)
        tls.load_cert_chain(name)
    finally:
        Path(name).unlink()
