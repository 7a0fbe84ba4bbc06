"""What the operator says as Events is said in the words of docs/reasons.md, and only what does not heal by itself."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesoscale.errors import Reason
from mesoscale_operator import apply, errors
from mesoscale_operator.errors import ApiError, Retry

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "operator" / "src" / "mesoscale_operator"
SAID = re.compile(r"(?:\.say\(document, |told(?:: [\w |]+)? = )Reason\.(\w+)")


def kinds(of: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """Every kind of error there is."""
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_an_error_is_told_if_it_does_not_heal_by_itself(kind: type[ApiError]) -> None:
    silent = kind.retry is Retry.TRANSIENT or kind is errors.NamespaceEnds
    assert (kind.told is None) == silent


def test_what_somebody_else_made_is_told_as_in_a_plan() -> None:
    assert apply.Foreign.told is Reason.NOT_OURS


def test_the_page_explains_what_is_said_and_nothing_else() -> None:
    said = {Reason[name] for path in SOURCE.glob("*.py") for name in SAID.findall(path.read_text())}
    page = (ROOT / "docs" / "reasons.md").read_text()
    events = page.partition("\n## Events\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", events, re.M)) == said - {Reason.NOT_OURS}
    assert "`NotOurs`" in events
