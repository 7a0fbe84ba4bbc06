"""What docs/benchmarks.md says was measured, was: its figures stand in the result files, and these have their shape."""

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "loadtest" / "results").glob("*.json"))
PAGE = (ROOT / "docs" / "benchmarks.md").read_text()
CONDITIONS = {"processor", "cores", "python", "polars", "confluent-kafka", "commit", "command", "date"}
ROW = re.compile(r"^\| (?P<what>[^|]+?) +\| (?P<value>[0-9][0-9.,]*) (?P<unit>[^|]+?) +\|", re.MULTILINE)


def figures() -> dict[tuple[str, str], float]:
    """What and unit → value, over all result files."""
    rows = [row for file in RESULTS for row in json.loads(file.read_text())]
    return {(row["what"], row["unit"]): row["value"] for row in rows}


def quoted() -> list[Any]:
    """What, value as written, and unit, of each row of the page's tables of results; the table at its top sums up."""
    results = PAGE.partition("\n## ")[2].partition("## By hand")[0]
    return [pytest.param(*row.groups(), id=row["what"]) for row in ROW.finditer(results)]


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_a_result_file_has_the_shape_that_others_read(file: Path) -> None:
    for row in json.loads(file.read_text()):
        assert set(row) == {"what", "value", "unit", "runs", "conditions"}
        assert len(row["runs"]) >= (3 if row["conditions"].get("fewer runs") else 5)
        assert row["value"] == pytest.approx(statistics.median(row["runs"]), abs=0.001)
        assert set(row["conditions"]) >= CONDITIONS
        assert row["conditions"]["commit"]


@pytest.mark.parametrize(("what", "value", "unit"), quoted())
def test_a_figure_of_the_page_was_measured(what: str, value: str, unit: str) -> None:
    """To the digits that the page shows."""
    measured, shown = figures()[what, unit], value.replace(",", "")
    decimals = len(shown.partition(".")[2])
    trailing = min(3, len(shown) - len(shown.rstrip("0"))) if decimals == 0 else 0  # shown to the thousand at most
    assert float(shown) == pytest.approx(measured, abs=0.51 * 10 ** (trailing - decimals))


def test_the_page_quotes_every_kind_of_result() -> None:
    named = {row.values[0] for row in quoted()}
    for file in RESULTS:
        assert named & {row["what"] for row in json.loads(file.read_text())}, f"{file.name} is nowhere quoted"
    assert {"codec", "hop", "sink", "run"} <= {file.stem for file in RESULTS}
