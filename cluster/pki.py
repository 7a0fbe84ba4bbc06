"""One authority, a key pair for each program, and the kubeconfigs made of them. None of it outlives the cluster."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from cluster import commands
from cluster.layout import API, API_SERVICE, KUBECONFIG, NAME, NODE, NODE_ADDRESS, PKI

DAYS = "30"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")
IN_CLUSTER = [f"DNS:kubernetes{rest}" for rest in ("", ".default", ".default.svc", ".default.svc.cluster.local")]
LOCAL = ["DNS:localhost", "IP:127.0.0.1"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate for both ends of a connection; its subject is the user that the API server sees."""

    name: str
    subject: str
    names: tuple[str, ...] = ()
    kubeconfig: bool = False


PAIRS = (
    Pair("apiserver", "/CN=kube-apiserver", (*IN_CLUSTER, *LOCAL, f"IP:{API_SERVICE}", f"IP:{NODE_ADDRESS}")),
    Pair("etcd", "/CN=etcd", (*LOCAL,)),
    Pair("kubelet", f"/O=system:nodes/CN=system:node:{NODE}", (f"DNS:{NODE}", f"IP:{NODE_ADDRESS}", *LOCAL), True),
    Pair("admin", "/O=system:masters/CN=admin", kubeconfig=True),
    Pair("controller-manager", "/CN=system:kube-controller-manager", kubeconfig=True),
    Pair("scheduler", "/CN=system:kube-scheduler", kubeconfig=True),
    Pair("proxy", "/CN=system:kube-proxy", kubeconfig=True),
    Pair("front-proxy", "/CN=front-proxy"),
    Pair("apiserver-kubelet", "/O=system:masters/CN=apiserver-kubelet"),
)


def make() -> None:
    """Write all of it, if it is not there yet; the administrator's kubeconfig comes last and says that it is."""
    if KUBECONFIG.exists():
        return
    PKI.mkdir(parents=True, exist_ok=True)
    PKI.chmod(0o700)
    _openssl("req", "-x509", *CURVE, "-days", DAYS, "-subj", f"/CN={NAME}", "-keyout", "ca.key", "-out", "ca.crt")
    for pair in PAIRS:
        _sign(pair)
    _openssl("genrsa", "-out", "service-account.key", "2048")
    _openssl("rsa", "-in", "service-account.key", "-pubout", "-out", "service-account.pub")
    for pair in (pair for pair in PAIRS if pair.kubeconfig):
        _private(PKI / f"{pair.name}.kubeconfig", _kubeconfig(pair))
    _private(KUBECONFIG, (PKI / "admin.kubeconfig").read_text(encoding="utf-8"))


def _sign(pair: Pair) -> None:
    usage = "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
    names = f"subjectAltName={','.join(pair.names)}\n" if pair.names else ""
    key, request, extensions = f"{pair.name}.key", f"{pair.name}.csr", f"{pair.name}.ext"
    (PKI / extensions).write_text(usage + names, encoding="utf-8")
    _openssl("req", *CURVE, "-subj", pair.subject, "-keyout", key, "-out", request)
    signed_by = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", DAYS)
    _openssl("x509", "-req", "-in", request, *signed_by, "-extfile", extensions, "-out", f"{pair.name}.crt")


def _kubeconfig(pair: Pair) -> str:
    """With the keys inside, so that it can be carried anywhere; JSON is YAML."""
    user = {"client-certificate-data": _encoded(f"{pair.name}.crt"), "client-key-data": _encoded(f"{pair.name}.key")}
    cluster = {"server": API, "certificate-authority-data": _encoded("ca.crt")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": pair.name, "user": user}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": pair.name}}],
        "current-context": NAME,
    }
    return json.dumps(document, indent=1)


def _private(file: Path, text: str) -> None:
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


def _encoded(name: str) -> str:
    return base64.b64encode((PKI / name).read_bytes()).decode()


def _openssl(*arguments: str) -> None:
    commands.run(["openssl", *arguments], cwd=PKI)
