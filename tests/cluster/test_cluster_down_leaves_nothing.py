"""However a bare cluster ends, taking it down leaves this machine as it was. A second cluster is used for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cluster import kernel, preflight
from cluster.bare import Bare
from cluster.errors import Missing

NUMBER = "9"
NAME = f"mesoscale-cluster-{NUMBER}"
KUBECONFIG = Path("/var/lib", NAME, "kubeconfig")
# where a kubelet, a runtime and network plugins leave things when they are not kept from it
PLACES = ["/var/lib/kubelet", "/var/lib/cni", "/var/lib/containerd", "/run/containerd", "/var/log/pods", "/etc/cni"]
PLACES += ["/var/log/containers", "/opt/cni", "/usr/libexec/kubernetes", "/etc/kubernetes", f"/var/lib/{NAME}"]
PROGRAMS = {
    "pause",
    "containerd",
    "etcd",
    "kube-apiserver",
    "kube-controller",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
}
POD = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  containers:
    - name: one
      image: localhost/python:3.11
      command: [sleep, "1000"]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


def cluster(verb: str) -> subprocess.Popen[str]:
    """The tool, at work on the second cluster."""
    environment = {name: value for name, value in os.environ.items() if name != "MESO_KUBECONFIG"}
    return subprocess.Popen(
        [sys.executable, "-m", "cluster", verb],
        env=environment | {"MESO_CLUSTER_NUMBER": NUMBER},
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def done(verb: str) -> None:
    process = cluster(verb)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said


def processes() -> dict[int, str]:
    """Name of every process of the second cluster, those of its pods too."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"/{NAME}/" in (folder / "cgroup").read_text():
                found[int(folder.name)] = (folder / "comm").read_text().strip()
        except OSError:
            continue
    return found


def machine() -> dict[str, list[str]]:
    """What of this machine a cluster could leave changed."""

    def lines(*command: str) -> list[str]:
        return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())

    return {
        "mounts": sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        "links": [line.split(":")[1] for line in lines("ip", "-oneline", "link", "show")],
        "addresses": lines("ip", "-brief", "-4", "address", "show"),
        "routes": lines("ip", "-4", "route", "show", "table", "all"),
        "rules": lines("ip", "rule", "show"),
        "filters": lines("nft", "list", "ruleset"),
        "network namespaces": lines("ip", "netns", "list"),
        "control groups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{NAME}")],
        "kernel settings": [(kernel.SETTINGS / name).read_text() for name in kernel.CHANGED],
        "places": [place for place in PLACES if Path(place).exists()],
        "forwarding": [Path("/proc/sys/net/ipv4/ip_forward").read_text()],
    }


@pytest.fixture
def before() -> Iterator[dict[str, list[str]]]:
    """The machine before there is a second cluster; there is none after the test, whatever became of it."""
    try:
        preflight.demand()
    except Missing as error:
        pytest.skip(f"!!! NOT TESTED: the bare cluster ({error.message}); {error.hint}")
    if not Bare().is_built():
        pytest.skip("!!! NOT TESTED: the bare cluster (not built yet); make cluster")
    done("down")
    yield machine()
    done("down")


def kill_when_seen(process: subprocess.Popen[str], program: str) -> None:
    """kill -9 the tool as soon as it has started a program."""
    deadline = time.monotonic() + 120
    while program not in processes().values():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"{program} was never started"
        time.sleep(0.02)
    process.kill()
    process.wait()


def gone(seen: Iterable[int]) -> None:
    """Wait until none of these processes is left, not even for this machine's first process to take leave of."""
    deadline = time.monotonic() + 60
    while left := [pid for pid in {*seen, *processes()} if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.parametrize("program", ["pause", "containerd", "kube-apiserver", "kubelet"])
def test_one_that_was_brought_up_half_way_leaves_nothing(before: dict[str, list[str]], program: str) -> None:
    kill_when_seen(cluster("up"), program)
    seen = processes()
    assert seen
    done("down")
    gone(seen)
    assert machine() == before


def test_one_with_pods_whose_programs_were_killed_leaves_nothing(before: dict[str, list[str]]) -> None:
    kill_when_seen(cluster("up"), "etcd")
    done("up")  # which goes on where the other was killed
    kubectl = [str(Bare().kubectl()), f"--kubeconfig={KUBECONFIG}"]
    subprocess.run([*kubectl, "apply", "-f-"], input=POD, text=True, check=True, capture_output=True, timeout=60)
    wait = [*kubectl, "wait", "--for=condition=Ready", "pod/one", "--timeout=90s"]
    subprocess.run(wait, check=True, capture_output=True, timeout=100)
    seen = processes()
    assert {*PROGRAMS, "sleep"} <= set(seen.values())
    done("up")
    time.sleep(2)  # kube-proxy would be gone within one, had its settings been written again
    assert {pid for pid, name in seen.items() if name in PROGRAMS} <= processes().keys(), (
        "a second `up` ended something"
    )
    for pid, name in seen.items():
        if name in {"containerd", "kubelet", "kube-proxy"}:
            os.kill(pid, signal.SIGKILL)
    assert machine() != before
    done("down")
    gone(seen)
    assert machine() == before


def test_when_its_holder_is_killed_the_kernel_ends_all_of_it(before: dict[str, list[str]]) -> None:
    kill_when_seen(cluster("up"), "kube-scheduler")
    seen = processes()
    [holder] = [pid for pid, name in seen.items() if name == "pause"]
    os.kill(holder, signal.SIGKILL)
    gone(seen)
    done("down")
    assert machine() == before
