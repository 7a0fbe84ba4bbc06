"""What is built for a cluster is used only if it is whole, built once by whoever asks first, and of one version."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cluster import store
from cluster.parts import kafka, spark, strimzi
from cluster.parts.part import localised
from cluster.recipes import GoCommands, versions

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a process that has seen nothing of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(store, "_seen", set())
    return tmp_path


class Counted:
    """Something that counts how often it is made."""

    def __init__(self, recipe: str = "a", content: str = "all of it") -> None:
        self.made = 0
        self._content = content
        self.thing = store.Thing("counted", (recipe,), self._fill)

    def _fill(self, folder: Path) -> None:
        self.made += 1
        (folder / "below").mkdir()
        (folder / "below" / "file").write_text(self._content)

    def again(self) -> str:
        store._seen.clear()  # as another process would see it
        return (store.provide(self.thing) / "below" / "file").read_text()


def test_a_thing_is_made_once_for_each_recipe() -> None:
    one, same, other = Counted(), Counted(), Counted("b", "another")
    assert [one.again(), one.again(), same.again(), other.again()] == ["all of it"] * 3 + ["another"]
    assert (one.made, same.made, other.made) == (1, 0, 1)


def test_only_the_things_used_last_are_kept_of_one_name() -> None:
    things = [Counted(recipe) for recipe in "abcd"]
    for second, counted in enumerate(things):
        counted.again()
        os.utime(counted.thing.folder, (second, second))
    assert [counted.thing.folder.exists() for counted in things] == [False, True, True, True]
    things[1].again()
    Counted("e").again()
    assert [counted.thing.folder.exists() for counted in things] == [False, True, False, True]


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "more", "unlisted", "no list"])
def test_a_thing_that_is_not_whole_is_made_anew(damage: str) -> None:
    counted = Counted()
    counted.again()
    file, listed = counted.thing.folder / "below" / "file", counted.thing.folder / store.LIST
    match damage:
        case "cut":
            file.write_text("all of")
        case "changed":
            file.write_text("all of It")
        case "gone":
            file.unlink()
        case "more":
            (file.parent / "other").touch()
        case "unlisted":
            listed.write_text("{}")
        case "no list":
            listed.unlink()
    assert counted.again() == "all of it"
    assert counted.made == 2
    assert json.loads(listed.read_text()).keys() == {"below/file"}


def test_a_build_that_was_killed_counts_for_nothing_and_is_cleared_away(cache: Path) -> None:
    script = f"""
import os, pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from cluster import store
def fill(folder):
    (folder / "below").mkdir()
    (folder / "below" / "file").write_text("half")
    os.kill(os.getpid(), 9)
store.provide(store.Thing("counted", ("a",), fill))
"""
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "XDG_CACHE_HOME": str(cache)}, check=False
    )
    assert killed.returncode == -9
    assert [path.name for path in store.root().glob(".counted-*")]
    counted = Counted()
    assert not counted.thing.is_whole()
    assert counted.again() == "all of it"
    assert {path.name for path in store.root().iterdir()} == {"locks", counted.thing.folder.name}


def test_two_that_ask_at_once_make_it_once() -> None:
    counted, began = Counted(), threading.Barrier(4)

    def ask() -> None:
        began.wait(10)
        store.provide(counted.thing)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert counted.made == 1
    assert counted.thing.is_whole()


@pytest.mark.parametrize("component", versions().components.values(), ids=lambda one: one.name)
def test_each_lock_is_of_the_version_that_is_asked_for(component: GoCommands) -> None:
    text = (component.folder / "go.mod").read_text()
    if component.module:
        assert re.search(rf"\s{component.module} {component.version}( // indirect)?\n", text)
        assert (component.folder / "go.sum").stat().st_size
    for command, below in component.commands.items():
        assert (component.folder / "main.go").exists() if below == "." else component.package(command) in text
    needed = re.search(r"^go (.*)$", text, re.M)
    assert needed is not None
    assert [int(part) for part in needed[1].split(".")] <= [int(part) for part in versions().go.split(".")]
    if component.staging:
        assert f"k8s.io/api => k8s.io/api v0{component.version.removeprefix('v1')}\n" in text


def test_the_other_locks_are_too() -> None:
    assert spark.REQUIREMENTS.read_text().startswith(f"pyspark=={versions().pyspark} ")
    assert f"\nio.strimzi:crd-generator:{versions().strimzi} " in strimzi.LOCK.read_text()
    assert kafka.LOCK.is_file()


def test_manifests_of_others_get_the_images_that_were_made_here() -> None:
    theirs = """
        image: registry.example/some/folder/operator:1.2
        - --reloader=registry.example/reloader:v3
        image: "{{ .template }}"
        - --listen=:8080
        imagePullPolicy: Always
"""
    assert (
        localised(theirs)
        == """
        image: localhost/operator:1.2
        - --reloader=localhost/reloader:v3
        image: "{{ .template }}"
        - --listen=:8080
        imagePullPolicy: IfNotPresent
"""
    )


def test_a_machine_that_lacks_something_is_told_what_and_which_command_provides_it() -> None:
    environment = {**os.environ, "PATH": "/nowhere"}
    environment.pop("MESO_KUBECONFIG", None)
    command = [sys.executable, "-m", "cluster", "up"]
    refused = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 4
    error, hint = refused.stderr.split("error: ")[1].split("\n\nhint: ")
    assert error.startswith("the bare cluster ")
    assert ("apt-get install containerd runc " in hint) or "MESO_KUBECONFIG" in hint  # no Debian, or not root


def test_a_cluster_that_is_named_and_does_not_answer_is_not_replaced(tmp_path: Path) -> None:
    environment = {**os.environ, "MESO_KUBECONFIG": str(tmp_path / "none")}
    command = [sys.executable, "-m", "cluster", "up"]
    refused = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 4
    assert f"error: MESO_KUBECONFIG names {tmp_path / 'none'}, which is no file\n\nhint: " in refused.stderr
