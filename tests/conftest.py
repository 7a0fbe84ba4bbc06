"""Loads the shared fixtures: every module fix_*.py beside this file."""

from pathlib import Path

pytest_plugins = [path.stem for path in sorted(Path(__file__).parent.glob("fix_*.py"))]
