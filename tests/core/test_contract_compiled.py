"""What the shipped contracts are compiled to is written down under tests/golden/contracts.

After a change that is meant: `.venv/bin/python tests/core/test_contract_compiled.py` writes the golden files anew; read
their diff.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesoscale import naming
from mesoscale.contract import compatibility, ddl, documentation, json_schema
from mesoscale.contract.catalogue import SHIPPED
from mesoscale.contract.types import Column, Contract

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "contracts"


def statements(contract: Contract) -> str:
    by = (contract.event_time, "1mo") if contract.event_time else None
    return ";\n".join(ddl.create_table(contract, "nyc", contract.name, by, [contract.key])) + ";\n"


def schema(contract: Contract) -> str:
    return json.dumps(json_schema.schema(contract), indent=2, ensure_ascii=False) + "\n"


FORMS = {"sql": statements, "schema.json": schema, "md": documentation.markdown}
CASES = [(name, form) for name in SHIPPED for form in FORMS]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_shipped_contract_compiles_to_the_golden_text(name: str, form: str) -> None:
    assert FORMS[form](SHIPPED[name]) == (GOLDEN / f"{name}.{form}").read_text()


def test_there_is_no_golden_file_without_a_contract() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.{form}" for name, form in CASES}


PAYMENT: dict[str, Any] = {
    "transaction_id": "t1",
    "account": "a1",
    "occurred_at": "2024-01-01T00:00:00Z",
    "amount": 1,
    "currency": "USD",
    "merchant": "m",
    "category": "food",
    "country": "US",
    "latitude": 40.7,
    "longitude": -74.0,
    "device": "d",
}


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({}, True),
        ({"fraud_pattern": None}, True),
        ({"fraud_pattern": "travel"}, True),
        ({"unknown": 1}, True),
        ({"fraud_pattern": "luck"}, False),
        ({"amount": 0}, False),
        ({"amount": 1.5}, False),
        ({"currency": "usd"}, False),
        ({"account": None}, False),
        ({"account": "a" * 65}, False),
        ({"latitude": 91}, False),
    ],
)
def test_the_json_schema_takes_what_the_contract_takes(change: dict[str, Any], right: bool) -> None:
    validator = jsonschema.Draft202012Validator(json_schema.schema(SHIPPED["transaction"]))
    assert validator.is_valid(PAYMENT | change) is right


TYPES = st.sampled_from(["string", "int64", "float64", "boolean", "timestamp", "date"])
COLUMN = st.builds(
    Column,
    name=st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
    type=TYPES,
    nullable=st.booleans(),
    description=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
)
CONTRACT = st.builds(
    Contract, name=st.just("c"), columns=st.lists(COLUMN, min_size=1, max_size=6, unique_by=lambda column: column.name)
)


@settings(deadline=None)
@given(CONTRACT)
def test_a_contract_may_follow_itself(contract: Contract) -> None:
    assert compatibility.breaks(contract, contract) == ()


@settings(deadline=None)
@given(CONTRACT)
def test_a_column_taken_away_never_passes(contract: Contract) -> None:
    less = contract.model_copy(update={"version": 2, "columns": contract.columns[1:]})
    assert f"column {contract.columns[0].name} is taken away" in compatibility.breaks(contract, less)


@settings(deadline=None)
@given(CONTRACT)
def test_a_text_in_a_comment_stays_inside_its_quotes(contract: Contract) -> None:
    described = [column for column in contract.columns if column.description]
    comments = [text for text in ddl.create_table(contract, "s", "t") if text.startswith("COMMENT ON COLUMN")]
    assert len(comments) == len(described)
    for text, column in zip(comments, described, strict=True):
        quoted = text.partition(" IS ")[2]
        assert quoted[0] == quoted[-1] == "'"
        assert quoted[1:-1].replace("''", "").count("'") == 0
        assert quoted[1:-1].replace("''", "'") == column.description


@settings(deadline=None)
@given(
    st.text("ab_", min_size=1, max_size=63), st.lists(st.text("ab_", min_size=1, max_size=63), min_size=1, max_size=4)
)
def test_an_index_name_fits_postgresql(table: str, columns: list[str]) -> None:
    assert len(ddl.index_name(table, columns).encode()) <= ddl.LONGEST_NAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", ["b_c"]), ("a_b", ["c"])),
        (("a", ["b_c"]), ("a", ["b", "c"])),
        (("a", ["b_"]), ("a", ["b"])),
        (("a", ["b_idx"]), ("a", ["b", "idx"])),
        (("a" * 60, ["b_c"]), ("a" * 60 + "_b", ["c"])),
        (("a", ["b" * 63, "c"]), ("a", ["b" * 63, "c", "idx"])),
    ],
)
def test_two_indexes_never_have_one_name(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> None:
    assert ddl.index_name(*one) != ddl.index_name(*other)


NAME = st.from_regex(naming.COLUMN_PATTERN.replace("^", "").replace("$", ""), fullmatch=True)
INDEX = st.tuples(NAME, st.lists(NAME, min_size=1, max_size=4))


@settings(deadline=None)
@given(INDEX, NAME)
def test_an_index_never_has_the_name_of_a_table(index: tuple[str, list[str]], table: str) -> None:
    assert ddl.index_name(*index) != table


if __name__ == "__main__":
    for name, form in CASES:
        (GOLDEN / f"{name}.{form}").write_text(FORMS[form](SHIPPED[name]))
