"""A type that was applied a moment ago has no conditions yet, over which `kubectl wait` fails instead of waiting."""

import json
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.parts.part import Kubectl

YOUNG: list[object] = [{}, {"status": None}, {"status": {"conditions": None}}]
NAMED = {"status": {"conditions": [{"type": "NamesAccepted", "status": "True"}]}}
SERVED = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}


def answering(folder: Path, answers: list[object]) -> Kubectl:
    """A client that gives one answer after the other, and the last for ever."""
    for number, answer in enumerate(answers):
        (folder / str(number)).write_text(json.dumps(answer))
    program = folder / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        f"cd {folder}\n"
        "asked=$(cat asked 2>/dev/null || echo 0)\n"
        "echo $((asked + 1)) >asked\n"
        f"[ $asked -lt {len(answers)} ] || asked={len(answers) - 1}\n"
        "cat $asked\n"
    )
    program.chmod(0o755)
    return Kubectl(program, folder / "kubeconfig")


def test_it_is_awaited_until_it_is_served(tmp_path: Path) -> None:
    answering(tmp_path, [*YOUNG, NAMED, SERVED]).await_types("kafkatopics.kafka.strimzi.io")
    assert (tmp_path / "asked").read_text().strip() == "5"


def test_one_that_is_never_served_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"the type kafkatopics.kafka.strimzi.io was not ready in 1 s"):
        answering(tmp_path, [*YOUNG, NAMED]).await_types("kafkatopics.kafka.strimzi.io", seconds=1)
