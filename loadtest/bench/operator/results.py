"""operator.json, part by part: what is measured anew takes the place of what was, all else stays."""

import json
from collections.abc import Sequence
from typing import Any

from loadtest.bench.measure import RESULTS, Figure, save, show

NAME = "operator"
FILE = RESULTS / f"{NAME}.json"


def rows() -> list[dict[str, Any]]:
    """Everything that was measured so far."""
    found: list[dict[str, Any]] = json.loads(FILE.read_text()) if FILE.exists() else []
    return found


def keep(part: str, figures: Sequence[Figure], shared: dict[str, Any]) -> None:
    """Print the figures of a part and let them take the place of its earlier ones."""
    others = [row for row in rows() if row["conditions"]["part"] != part]
    show(figures)
    save(NAME, figures, shared | {"part": part})
    FILE.write_text(json.dumps([*others, *rows()], indent=1, ensure_ascii=False) + "\n")
