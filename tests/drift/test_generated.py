"""Generated files are what their generator would write."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "tools" / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_no_generated_file_is_stale() -> None:
    checked = generate(ROOT, "--check")
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("name", ["weatherpipelines.mesoscale.dev.yaml", "weatherpipeline.schema.json"])
def test_a_file_that_somebody_edited_is_named_and_written_again(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    generate(tmp_path)
    edited = tmp_path / "crds" / name
    edited.write_text(edited.read_text().replace("array", "string", 1))
    checked = generate(tmp_path, "--check")
    assert (checked.returncode, checked.stdout) == (1, f"crds/{name} is stale; run python tools/generate.py\n")
    assert generate(tmp_path).stdout == f"wrote crds/{name}\n"
    assert edited.read_text() == (ROOT / "crds" / name).read_text()
