"""A trained model as a folder: `model.onnx` and `model.json`; beside the versions, `champion` names the promoted one.

    HOME/models/fraud/1f0c…/model.onnx
    HOME/models/fraud/1f0c…/model.json
    HOME/models/fraud/champion              → 1f0c…

The two files may also lie in `fraud/` themselves: a ConfigMap has no folders, and holds one version, the promoted one.

A version is named by a hash of what made it, so the same data, seed and code give the same version. It is written
beside and renamed: a reader sees a whole version or none.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mesoscale.errors import PlanRefused, Problem, Reason

MODELS = "models"
CHAMPION = "champion"
GRAPH = "model.onnx"
CARD = "model.json"


def folder(home: Path, model: str) -> Path:
    """Where the versions of a model lie."""
    return home / MODELS / model


def write(versions: Path, version: str, graph: bytes, card: dict[str, Any]) -> Path:
    """Keep a version; one that is there already stays as it is."""
    final = versions / version
    if final.exists():
        return final
    versions.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=versions))
    try:
        beside.chmod(0o755)
        _durable(beside / GRAPH, graph)
        _durable(beside / CARD, (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode())
        beside.rename(final)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        if not final.exists():  # another training of the same version was quicker
            raise
    return final


def remove(folder: Path) -> None:
    """Take away a folder that was written only to be tried."""
    shutil.rmtree(folder, ignore_errors=True)


def promote(versions: Path, version: str) -> None:
    """Make a version the champion, from one moment to the next."""
    beside = versions / f".{CHAMPION}-{os.getpid()}"
    _durable(beside, f"{version}\n".encode())
    beside.replace(versions / CHAMPION)


def champion(versions: Path) -> Path | None:
    """The folder of the promoted version, or None where nothing was promoted yet."""
    try:
        version = (versions / CHAMPION).read_text().strip()
    except FileNotFoundError:
        return versions if (versions / CARD).exists() else None
    return versions / version


def read_card(version: Path) -> dict[str, Any]:
    """What is known of a version.

    Raises:
        PlanRefused: the folder holds no whole version.
    """
    try:
        card = json.loads((version / CARD).read_text())
        whole = isinstance(card, dict) and (version / GRAPH).is_file()
    except (OSError, ValueError) as error:
        raise _not_whole(version, str(error)) from error
    if not whole:
        raise _not_whole(version, f"{GRAPH} is missing")
    return dict(card)


def _not_whole(version: Path, why: str) -> PlanRefused:
    message = f"{version} holds no whole model: {why}"
    return PlanRefused(Problem(Reason.NOT_FOUND, message, hint="train it again: meso train fraud"))


def _durable(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
