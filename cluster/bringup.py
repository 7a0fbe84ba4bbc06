"""From a machine with nothing on it to a cluster whose DNS answers: steps that are left alone where they are done."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster import cgroups, commands, kernel, layout, node, pki, programs, progress, template
from cluster.waiting import until

CTR = ("ctr", "--namespace", "k8s.io", "images")
READ_BY = {
    "containerd.toml": "containerd",
    "audit.yaml": "kube-apiserver",
    "kubelet.yaml": "kubelet",
    "proxy.yaml": "kube-proxy",
}
DEPLOYMENTS = ("coredns", "local-path")  # without these no pod of a user gets anywhere
HINT = f"look at {layout.LOGS}; then make cluster-down, and make cluster"


def bring_up(pause: Path, folders: programs.Folders, archives: Mapping[str, Path], audit: bool) -> None:
    """Start what does not run.

    Args:
        pause: the program that holds the node.
        folders: where the other programs are.
        archives: images that the node must have, by name.
        audit: whether the API server writes its audit log.

    Raises:
        ClusterError: a step fails, or takes too long.
    """
    if node.holder() is None:
        node.start(pause)
    pki.make()
    for file in template.write_config():
        _end(READ_BY.get(file, ""))
    for argv in (programs.containerd(), programs.etcd(folders), programs.api_server(folders, audit)):
        _ensure(argv)
    until("containerd", 30, lambda: commands.run(node.command("ctr", "version")), HINT)
    _import(archives)
    kubectl = (folders.kubernetes / "kubectl", f"--kubeconfig={layout.KUBECONFIG}", "--request-timeout=10s")
    until("the API server", 90, lambda: commands.run([*kubectl, "get", "--raw=/readyz"]), HINT)
    kernel.remember()
    for start in (programs.controller_manager, programs.scheduler, programs.kubelet, programs.proxy):
        _ensure(start(folders))
    for manifest in template.manifests():
        commands.run([*kubectl, "apply", "--server-side", "--force-conflicts", "--filename=-"], text=manifest)
    _await(kubectl, "condition=Ready", f"node/{layout.NODE}")
    for name in DEPLOYMENTS:
        _await(kubectl, "condition=Available", f"deployment/{name}")


def _end(name: str) -> None:
    if name in (running := node.running()):
        progress.say(f"  {name}: again, with other settings")
        cgroups.end(running[name][0])


def _ensure(argv: Sequence[str]) -> None:
    """Have the program run with this command line."""
    name = Path(argv[0]).name
    pid, words = node.running().get(name, (0, []))
    if words == list(argv):
        return
    if pid:
        _end(name)
    node.launch(name, argv)


def _import(archives: Mapping[str, Path]) -> None:
    there = commands.run(node.command(*CTR, "list", "--quiet")).split()
    for name, archive in archives.items():
        if name not in there:
            commands.run(node.command(*CTR, "import", "-"), file=archive)


def _await(kubectl: Sequence[str | Path], condition: str, what: str) -> None:
    wait = [*kubectl, "--namespace=kube-system", "wait", f"--for={condition}", what, "--timeout=5s"]
    until(what, 120, lambda: commands.run(wait), HINT)
