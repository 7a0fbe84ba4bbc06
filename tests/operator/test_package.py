"""The folder `operator` must not hide Python's own module of that name."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_pythons_own_operator_is_found_from_the_root() -> None:
    code = "import operator; assert operator.add(1, 2) == 3"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=30)


def test_the_folder_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
