"""Loads the shared fixtures: every module fix_*.py beside this file."""

from pathlib import Path

import pytest

pytest_plugins = [path.stem for path in sorted(Path(__file__).parent.glob("fix_*.py"))]
pytest.register_assert_rewrite(*pytest_plugins)  # all before the first is loaded, as some load others
