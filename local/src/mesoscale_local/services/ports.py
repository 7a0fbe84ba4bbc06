"""TCP ports of this machine: which are free, which were used last time, and who holds one that is taken."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from mesoscale.errors import Problem, Reason, ServiceUnavailable

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free, one that somebody listens on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free(count: int) -> list[int]:
    """`count` different ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def demand(port: int, purpose: str) -> int:
    """The port a user asked for, if it can be had.

    Raises:
        ServiceUnavailable: PortTaken, with the process that holds it where the system tells.
    """
    if is_free(port):
        return port
    raise _taken(port, purpose)


def hold(port: int, purpose: str) -> socket.socket:
    """A socket that listens on the port a user asked for: nobody else gets it, and a program may be given it.

    Raises:
        ServiceUnavailable: PortTaken, as for `demand`.
    """
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise _taken(port, purpose) from error


def hold_usual(port: int) -> socket.socket:
    """A socket that listens on `port`, or on a free one where somebody listens on that already."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError:
        return socket.create_server((LOOPBACK, 0))


def _taken(port: int, purpose: str) -> ServiceUnavailable:
    holder = holder_of(port)
    who = f" by process {holder} ({_command_line(holder)})" if holder else ""
    hint = (
        f"stop process {holder}, or choose another port"
        if holder
        else f"`ss -ltnp sport = :{port}` run as root tells by whom"
    )
    return ServiceUnavailable(Problem(Reason.PORT_TAKEN, f"port {port} for {purpose} is taken{who}", hint=hint))


def keep(file: Path, wanted: Mapping[str, int | None]) -> dict[str, int]:
    """A port for each name: the wanted one, else the one written in `file` if it is free, else a free one.

    The choice is written to `file`, so that addresses stay the same from one start to the next.
    """
    last = _read(file)
    ports = {name: port for name, port in wanted.items() if port is not None}
    ports |= {name: last[name] for name in wanted if name not in ports and name in last and is_free(last[name])}
    missing = [name for name in wanted if name not in ports]
    ports |= dict(zip(missing, free(len(missing)), strict=True))
    if ports != last:
        file.write_text(json.dumps(ports))
    return ports


def kept(file: Path) -> dict[str, int]:
    """The ports that `keep` chose last.

    Raises:
        ServiceUnavailable: NotRunning, when nothing was chosen yet.
    """
    ports = _read(file)
    if not ports:
        raise ServiceUnavailable(Problem(Reason.NOT_RUNNING, f"no service was prepared in {file.parent}"))
    return ports


def holder_of(port: int) -> int | None:
    """The process that listens on `port`, as far as this user may see it (Linux)."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*/fd") if inodes else ():
        try:
            if any(str(link.readlink()) in inodes for link in folder.iterdir()):
                return int(folder.parent.name)
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return None


def _listening_inodes(port: int) -> list[str]:
    """Sockets in state LISTEN (0A) on `port`; columns as in proc(5)."""
    rows: list[list[str]] = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            rows += [line.split() for line in table.read_text().splitlines()[1:]]
    return [row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:80]
    except OSError:
        return "gone meanwhile"


def _read(file: Path) -> dict[str, int]:
    try:
        ports = json.loads(file.read_text())
    except (OSError, ValueError):  # first start, or a file cut short by a full disk
        return {}
    return {str(name): int(port) for name, port in ports.items()} if isinstance(ports, dict) else {}
