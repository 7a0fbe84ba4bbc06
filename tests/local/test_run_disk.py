"""A disk that gets full: a clear sentence, an orderly stop, and nothing left behind."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MINIMAL = Path(__file__).parents[2] / "examples" / "minimal.yaml"
MIB = 1 << 20

RUN = """
import sys
from pathlib import Path
from mesoscale.errors import MesoscaleError
from mesoscale_local import documents
from mesoscale_local.run import Options, run
from mesoscale_local.screen import Screen

try:
    run(documents.read(sys.argv[1]), Options(home=Path(sys.argv[2]), min_free=int(sys.argv[3])), Screen())
except MesoscaleError as error:
    print(error.problems[0].reason, error)
    sys.exit(error.exit_code)
"""


def start(home: Path, min_free: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", RUN, str(MINIMAL), str(home), str(min_free)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def still_there(home: Path) -> bool:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{home}/minimal".encode() in file.read_bytes():
                return True
        except OSError:
            continue
    return False


def test_a_disk_that_is_too_full_is_refused_before_anything_starts(tmp_path: Path) -> None:
    run = start(tmp_path, 1 << 60)
    out, _ = run.communicate(timeout=30)
    assert run.returncode == 4
    assert out.startswith("DiskFull the disk of ")
    assert not (tmp_path / "minimal" / "kafka").exists()


def test_a_disk_that_gets_full_stops_the_run_in_order(tmp_path: Path) -> None:
    run = start(tmp_path, shutil.disk_usage(tmp_path).free - 2000 * MIB)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "minimal" / "applied.json").exists():
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with (tmp_path / "large").open("wb") as large:
            os.posix_fallocate(large.fileno(), 0, 4000 * MIB)
        out, _ = run.communicate(timeout=60)
        assert run.returncode == 4
        assert "DiskFull" in out
        assert "for the pipeline to go on" in out
        assert not still_there(tmp_path)
    finally:
        (tmp_path / "large").unlink(missing_ok=True)
        run.kill()
        run.wait()
