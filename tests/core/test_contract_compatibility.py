"""A contract may follow another when every record of the older one keeps the newer one."""

from typing import Any

import pytest

from mesoscale.contract.compatibility import breaks
from mesoscale.contract.types import Column, Contract

BASE: dict[str, Any] = {
    "name": "c",
    "type": "string",
    "max_length": 8,
    "pattern": "^a",
    "one_of": ("a", "ab"),
}


def contract(version: int = 1, *columns: Column, **fields: Any) -> Contract:
    return Contract(name="reading", version=version, columns=columns or (Column(**BASE),), **fields)


def column(**fields: Any) -> Column:
    return Column(**(BASE | fields))


NEW = Column(name="more", type="int64", nullable=True)
FINE = [
    contract(1),
    contract(1, column(description="other words"), description="other words"),
    contract(2, column(max_length=9)),
    contract(2, column(max_length=None)),
    contract(2, column(pattern="")),
    contract(2, column(one_of=("a", "ab", "abc"))),
    contract(2, column(one_of=())),
    contract(2, column(nullable=True)),
    contract(2, column(), NEW),
    contract(7, column(), NEW),
]


@pytest.mark.parametrize("new", FINE, ids=range(len(FINE)))
def test_a_wider_contract_may_follow(new: Contract) -> None:
    assert breaks(contract(), new) == ()


BREAKING = [
    (contract(2, column(max_length=7)), "tighter max_length"),
    (contract(2, column(pattern="^b")), "tighter pattern"),
    (contract(2, column(one_of=("a",))), "tighter list of values"),
    (contract(2, column(type="int64", max_length=None, pattern="", one_of=())), "had type string"),
    (contract(2, column(unit="m")), "had unit"),
    (contract(2, column(name="d")), "column c is taken away"),
    (contract(2, column(), Column(name="more", type="int64")), "must be nullable"),
    (contract(2, key=("c",)), "its key was none and cannot become c"),
    (contract(2, identity=("c",)), "its identity was none"),
    (contract(1, column(), NEW), "it must become 2"),
]


@pytest.mark.parametrize(("new", "words"), BREAKING, ids=[words for _, words in BREAKING])
def test_a_tighter_contract_may_not_follow(new: Contract, words: str) -> None:
    assert any(words in sentence for sentence in breaks(contract(), new))


def test_an_older_version_may_not_follow_a_newer_one() -> None:
    assert "version 1 is older than 2" in breaks(contract(2, column(), NEW), contract(1))[0]


def test_null_cannot_be_forbidden_again() -> None:
    assert "may be null" in breaks(contract(1, column(nullable=True)), contract(2))[0]


@pytest.mark.parametrize(("limit", "old", "tighter", "wider"), [("min", 0, 1, -1), ("max", 9, 8, 10)])
def test_numbers_may_only_get_more_room(limit: str, old: float, tighter: float, wider: float) -> None:
    def number(version: int, value: float | None) -> Contract:
        return contract(version, Column(name="n", type="float64", **{limit: value}))

    assert breaks(number(1, old), number(2, tighter))
    assert breaks(number(1, None), number(2, old))
    assert not breaks(number(1, old), number(2, wider))
    assert not breaks(number(1, old), number(2, None))
