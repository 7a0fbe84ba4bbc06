"""PostgreSQL starts again after every kind of end, at the same address, and in any folder."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fix_services import Running

from mesoscale.errors import Reason, ServiceUnavailable
from mesoscale_local.services import postgres, unprivileged
from mesoscale_local.services.postgres import Server

HOLD = """
import os, socket, sys, time
os.chdir(sys.argv[1])
server = socket.create_server(("127.0.0.1", int(sys.argv[2])))
print("held", flush=True)
time.sleep(float(sys.argv[3]))
"""


def hold(server: Server, seconds: float) -> subprocess.Popen[str]:
    """A process that works in the data folder and has its port, as the last ones of a killed server do."""
    argv = [sys.executable, "-c", HOLD, str(server.folder / "data"), str(server.binding().port), str(seconds)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_address_stays_when_the_last_processes_of_a_killed_server_take_their_time(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.prepare()
    before = server.binding()
    leftover = hold(server, seconds=1)
    threading.Thread(target=leftover.wait).start()  # collect it, as whoever started a server does
    server.prepare()
    assert server.binding() == before


def test_a_server_that_still_runs_is_refused_and_keeps_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PATIENCE", 0.2)
    server = Server(tmp_path)
    server.prepare()
    before = server.binding()
    running = hold(server, seconds=60)
    try:
        with pytest.raises(ServiceUnavailable, match="a PostgreSQL server still runs") as refused:
            server.prepare()
        assert refused.value.problems[0].reason is Reason.ALREADY_RUNNING
        assert server.binding() == before
    finally:
        running.kill()
        running.wait(10)


def test_a_killed_server_starts_though_another_program_has_its_number_now(tmp_path: Path) -> None:
    running = Running(Server(tmp_path), tmp_path)
    try:
        running.kill()
        lock = tmp_path / "data" / "postmaster.pid"
        lock.write_text("\n".join(["1", *lock.read_text().splitlines()[1:]]) + "\n")  # 1 always lives
        running.start()
        assert running.service.ready()
    finally:
        running.stop()


def test_an_initialisation_that_was_killed_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18")
    Server(tmp_path).prepare()
    assert (tmp_path / "data" / "PG_VERSION").exists()
    assert not (tmp_path / "data.new").exists()


def test_a_folder_longer_than_a_socket_path_may_be_is_fine(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    Running(Server(folder), folder).stop()


def test_root_becomes_somebody_else_only_where_that_one_may_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged.os, "geteuid", lambda: 0)
    monkeypatch.setattr(unprivileged, "namespaces_work", lambda: False)
    open_to_all = unprivileged.command(("/bin/true",), Path("/var/tmp/meso"))
    assert (open_to_all[0], open_to_all[-1]) == ("setpriv", "/bin/true")
    monkeypatch.setattr(unprivileged, "_others_reach", lambda path: path != Path("/closed/meso"))
    with pytest.raises(ServiceUnavailable, match=r"refuses to run as root.*may enter /closed/meso"):
        unprivileged.command(("/bin/true",), Path("/closed/meso"))


def test_a_port_that_was_kept_and_is_taken_by_a_stranger_is_given_up(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.prepare()
    before = server.binding().port
    with socket.create_server(("127.0.0.1", before)):
        server.prepare()
        assert server.binding().port != before
