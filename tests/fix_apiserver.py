"""A Kubernetes of the test's own that runs no pods: etcd, the API server and a few controllers, on loopback.

What changes the whole cluster, such as taking a definition away, is tried here and disturbs nobody.
"""

import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from cluster import gobuild, store
from cluster.store import Thing

TOKEN = "a-token-of-this-test"
BUILT = ("kubernetes", "etcd")
CONTROLLERS = "garbage-collector-controller,namespace-controller,statefulset-controller,deployment-controller"


@pytest.fixture(scope="module")
def lone_api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of its administrator."""
    things = {name: gobuild.built(name) for name in BUILT}
    if not all(thing.folder.exists() for thing in things.values()):
        pytest.skip("!!! NOT TESTED: what takes a whole API server for itself; make test-cluster builds one")
    with _running(things, tmp_path_factory.mktemp("kubernetes")) as kubeconfig:
        yield kubeconfig


@contextmanager
def _running(things: dict[str, Thing], folder: Path) -> Iterator[Path]:
    programs, client, peer, secure, own = store.provide(things["kubernetes"]), *_free_ports(4)
    etcd_at = f"http://127.0.0.1:{client}"
    etcd = [
        *(store.provide(things["etcd"]) / "etcd", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync"),
        *(f"--listen-client-urls={etcd_at}", f"--advertise-client-urls={etcd_at}", "--log-level=error"),
        *(f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
    ]
    key, tokens = folder / "account.key", folder / "tokens.csv"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    tokens.write_text(f"{TOKEN},admin,1,system:masters\n")
    api = [
        *(programs / "kube-apiserver", f"--etcd-servers={etcd_at}", f"--secure-port={secure}"),
        *("--bind-address=127.0.0.1", f"--cert-dir={folder}", f"--token-auth-file={tokens}"),
        *("--authorization-mode=RBAC", "--service-cluster-ip-range=10.99.0.0/24", "--watch-cache=true"),
        *("--service-account-issuer=https://tests", f"--service-account-key-file={key}"),
        f"--service-account-signing-key-file={key}",
    ]
    kubeconfig = _kubeconfig(folder / "kubeconfig", f"https://127.0.0.1:{secure}")
    collector = [
        *(programs / "kube-controller-manager", f"--kubeconfig={kubeconfig}", f"--controllers={CONTROLLERS}"),
        *("--leader-elect=false", f"--secure-port={own}", f"--cert-dir={folder}", "--bind-address=127.0.0.1"),
    ]
    with ExitStack() as stack:
        for command in (etcd, api, collector):
            stack.enter_context(_started(command, folder / f"{Path(command[0]).name}.log"))
            if command is api:
                _wait(f"https://127.0.0.1:{secure}/readyz", folder)
        yield kubeconfig


@contextmanager
def _started(command: list[str | Path], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait(address: str, folder: Path) -> None:
    unverified = ssl._create_unverified_context()  # its certificate is its own
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {TOKEN}"})
    began = time.monotonic()
    while time.monotonic() - began < 90:
        try:
            with urllib.request.urlopen(request, timeout=2, context=unverified):
                return
        except OSError:
            time.sleep(0.3)
    logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in folder.glob("*.log"))
    raise AssertionError(f"the API server is not ready after 90 s:\n{logs}")


def _kubeconfig(path: Path, server: str) -> Path:
    config = {
        "clusters": [{"name": "lone", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "lone", "context": {"cluster": "lone", "user": "admin"}}],
        "current-context": "lone",
    }
    path.write_text(yaml.safe_dump(config))
    return path


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
