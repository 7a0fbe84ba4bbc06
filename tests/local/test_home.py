"""The folder of a pipeline: one run at a time, files whole or not at all, gone without a trace."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mesoscale.errors import Reason, ServiceUnavailable
from mesoscale_local.home import Home, pipelines, write

HOLD = """
import sys, time
from pathlib import Path
from mesoscale_local.home import Home
with Home.of(Path(sys.argv[1]), "p").locked():
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_refused_with_the_pid_of_the_first_until_that_is_killed(tmp_path: Path) -> None:
    home, first = Home.of(tmp_path, "p"), holder(tmp_path)
    try:
        with pytest.raises(ServiceUnavailable) as refused, home.locked():
            pytest.fail("two hold the lock")
        assert refused.value.problems[0].reason is Reason.ALREADY_RUNNING
        assert f"(pid {first.pid})" in str(refused.value)
        assert home.runner() == first.pid
    finally:
        first.kill()
        first.wait()
    assert home.runner() is None
    with home.locked():
        assert home.runner() == os.getpid()


def test_a_deleted_or_replaced_folder_is_noticed(tmp_path: Path) -> None:
    home = Home.of(tmp_path, "p")
    with home.locked() as lock:
        assert lock.still_there()
        home.root.rename(tmp_path / "q")
        assert not lock.still_there()
        with home.locked() as other:
            assert other.still_there()
            assert not lock.still_there()


def test_clearing_leaves_nothing_but_the_lock(tmp_path: Path) -> None:
    home = Home.of(tmp_path, "p")
    with home.locked() as lock:
        home.make_folders()
        (home.logs / "a.log").write_text("x")
        home.write_status({"a": 1})
        home.clear()
        assert [path.name for path in home.root.iterdir()] == ["lock"]
        assert lock.still_there()


def test_bindings_are_for_their_owner_only(tmp_path: Path) -> None:
    home = Home.of(tmp_path, "p")
    home.write_bindings({"postgresql/password": "secret"})
    file = home.bindings / "postgresql" / "password"
    assert file.read_text() == "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_is_replaced_whole_and_leaves_no_other_behind(tmp_path: Path) -> None:
    write(tmp_path / "a", "one")
    write(tmp_path / "a", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "two"
    with pytest.raises(OSError, match="No such file"):
        write(tmp_path / "gone" / "a", "three")


def test_an_applied_plan_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    home = Home.of(tmp_path, "p")
    assert home.read_applied() is None
    home.root.mkdir()
    home.applied.write_text('{"pipeline": "p", "wings": 2}')
    with pytest.raises(ServiceUnavailable, match="cannot be understood"):
        home.read_applied()


def test_pipelines_are_the_folders_with_a_lock(tmp_path: Path) -> None:
    for name in ("b", "a"):
        with Home.of(tmp_path, name).locked():
            pass
    (tmp_path / "other").mkdir()
    assert pipelines(tmp_path) == ["a", "b"]
    assert pipelines(tmp_path / "nowhere") == []
