"""The folder that Airflow reads is made equal to the ConfigMaps of all namespaces."""

import importlib.util
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "dags" / "mesoscale_collect.py"


@pytest.fixture(scope="module")
def collect() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mesoscale_collect", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "data": data}


def test_a_file_bears_the_namespace_of_its_config_map_whatever_it_calls_itself(collect: ModuleType) -> None:
    maps = [
        config_map("a", "p-dag", **{"b.p.json": "1"}),
        config_map("b", "p-dag", **{"b.p.json": "2"}),
        config_map("c", "x"),
    ]
    assert collect.wanted(maps) == {PurePosixPath("a/p-dag.json"): "1", PurePosixPath("b/p-dag.json"): "2"}


def test_the_folder_becomes_what_is_wanted_and_says_what_changed(collect: ModuleType, tmp_path: Path) -> None:
    first = {PurePosixPath("a/p.json"): "1", PurePosixPath("b/q.json"): "2"}
    assert collect.bring(tmp_path, first) == sorted(first)
    assert collect.bring(tmp_path, first) == []
    second = {PurePosixPath("a/p.json"): "3", PurePosixPath("c/r.json"): "4"}
    assert collect.bring(tmp_path, second) == [PurePosixPath(name) for name in ("a/p.json", "b/q.json", "c/r.json")]
    held = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert held == {"a/p.json": "3", "c/r.json": "4"}


def test_silence_of_the_api_server_changes_nothing(collect: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("")
    with pytest.raises((OSError, ValueError)):
        collect.listed("https://127.0.0.1:1", tmp_path, "")
