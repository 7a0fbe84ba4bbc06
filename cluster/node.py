"""The machine that the cluster runs on: namespaces of its own for processes, mounts and network, held by one process.

When that process ends, the kernel ends all others, and takes away their mounts, links, routes and packet filters. So
nothing has to be undone step by step, whatever state the cluster is in.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from cluster import cgroups, commands
from cluster.errors import ClusterError
from cluster.layout import HOST_ADDRESS, LINK, LOGS, NAME, NODE, NODE_ADDRESS, PODS, RUN, SERVICES, STATE, WIRE

JOIN = 'echo $$ >"$0" && exec "$@"'  # sh -c JOIN FILE PROGRAM…: joins the control group, then becomes the program
FURNISH = r"""
set -eu
hostname "$NODE"
mount -t tmpfs -o mode=0755 tmpfs /run
mount --bind "$RUN/var-log" /var/log
# /var/lib becomes the node's own, in which the folder of the cluster is still found
mkdir -p "$STATE/$NAME"
mount --bind "$RUN" "$STATE/$NAME"
mount --rbind "$STATE" /var/lib
mount --make-rshared /
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
"""
CONNECT = r"""
set -eu
ip address add "$NODE_ADDRESS/30" dev eth0
ip link set eth0 up
# a packet to a Service must have a way before the filter gives it another address
ip route add "$SERVICES" dev eth0
"""


def holder() -> int | None:
    """The pid of the process that holds the node, or nothing where there is no node.

    It is the first of its own namespace, and no other program of the node is.
    """
    return next((pid for pid in cgroups.programs() if _pids_inside(pid)[1:] == ["1"]), None)


def start(pause: Path) -> None:
    """Make the node: its namespaces, its folders, and the wire to this machine.

    Raises:
        ClusterError: this machine does not allow it, or its network is in use here already.
    """
    cgroups.create()
    STATE.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(exist_ok=True)
    (RUN / "var-log").mkdir(exist_ok=True)
    unshare = ["unshare", "--fork", "--kill-child", "--pid", "--mount", "--net", "--uts", "--ipc", "--mount-proc"]
    _background("node", [*unshare, "--propagation", "private", str(pause)])
    deadline = time.monotonic() + 10
    while holder() is None:
        if time.monotonic() > deadline:
            raise ClusterError(f"no namespaces can be made here; {LOGS / 'node.log'} says why", "this needs root")
        time.sleep(0.02)
    _shell(FURNISH, NAME=NAME, NODE=NODE, RUN=str(RUN), STATE=str(STATE))
    _wire()


def command(*argv: str | Path) -> list[str]:
    """What runs `argv` on the node."""
    pid = holder()
    if pid is None:
        raise ClusterError("the cluster is not up", "make cluster")
    enter = ["nsenter", "--target", str(pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--"]
    return ["sh", "-c", JOIN, str(cgroups.entrance()), *enter, *(str(word) for word in argv)]


def launch(name: str, argv: Sequence[str]) -> None:
    """Start a program on the node; its output goes to a file named after it."""
    _background(name, command(*argv))


def become(argv: Sequence[str]) -> NoReturn:
    """Run a command on the node in place of this process."""
    words = command(*argv)
    os.execvp(words[0], words)


def running() -> dict[str, tuple[int, list[str]]]:
    """Pid and command line of each program of the node, by the name of its file."""
    found = {}
    for pid in cgroups.programs():
        words = _words(pid)
        if words and len(_pids_inside(pid)) > 1:  # the others only wait for one of these
            found[Path(words[0]).name] = (pid, words)
    return found


def _wire() -> None:
    """A pair of links; its two addresses are all of a network that the node can reach."""
    if commands.run(["ip", "-oneline", "route", "show", "to", "root", WIRE]).strip():
        raise ClusterError(f"{WIRE} is routed elsewhere on this machine", f"ip route show to root {WIRE}")
    commands.run(["ip", "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", str(holder())])
    commands.run(["ip", "address", "add", f"{HOST_ADDRESS}/30", "dev", LINK])
    commands.run(["ip", "link", "set", LINK, "up"])
    _shell(CONNECT, NODE_ADDRESS=NODE_ADDRESS, SERVICES=SERVICES)
    commands.run(["ip", "route", "add", PODS, "via", NODE_ADDRESS])


def _shell(script: str, **variables: str) -> None:
    settings = [f"{name}={value}" for name, value in variables.items()]
    commands.run(command("env", *settings, "sh", "-c", script))


def _background(name: str, argv: Sequence[str]) -> None:
    entered = argv if argv[0] == "sh" else ["sh", "-c", JOIN, str(cgroups.entrance()), *argv]
    with (LOGS / f"{name}.log").open("ab") as log:
        subprocess.Popen(entered, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")


def _pids_inside(pid: int) -> list[str]:
    """Its pid in each namespace from ours inward."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return []
    return next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
