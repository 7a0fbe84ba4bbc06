"""The core opens no file and asks nobody, not even by a door that needs no import."""

import ast
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "core" / "src" / "mesoscale"
MODULES = sorted(CORE.rglob("*.py"))
DOORS = {"open", "input", "print", "breakpoint", "exec", "eval", "compile", "__import__"}
VALUES_AND_TEXT = {
    *("abc", "base64", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "difflib", "enum"),
    *("functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string", "textwrap", "typing"),
}
PARTS = {"urllib.parse"}  # of modules that also have a door


def doors(source: str) -> list[str]:
    """Every builtin that leads out, wherever it is named, and every module of the standard library beyond the list."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in DOORS:
                found.append(name)
            case ast.Import(names=names):
                found += [one.name for one in names if not _harmless(one.name)]
            case ast.ImportFrom(module=str(name), level=0) if not _harmless(name):
                found.append(name)
    return found


def _harmless(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in sys.stdlib_module_names or top in VALUES_AND_TEXT or module in PARTS


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_of_the_core_has_no_door_to_the_world(module: Path) -> None:
    assert doors(module.read_text()) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("open('x')", ["open"]),
        ("with open('x') as file: pass", ["open"]),
        ("read = open", ["open"]),
        ("class Node:\n    input: str", []),
        ("from pathlib import Path", ["pathlib"]),
        ("import io, json", ["io"]),
        ("from urllib.request import urlopen", ["urllib.request"]),
        ("from urllib import request", ["urllib"]),
        ("import os.path", ["os.path"]),
        ("def f(opened: str) -> str:\n    return opened.replace('open', '')", []),
        ("from urllib.parse import urlsplit", []),
        ("import yaml", []),
    ],
)
def test_a_door_is_seen(source: str, found: list[str]) -> None:
    assert doors(source) == found
