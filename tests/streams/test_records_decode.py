"""What a record is found to be depends on the record alone, and equals what a slow and plain reader finds."""

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mesoscale.contract.catalogue import SHIPPED
from mesoscale.contract.types import Column, Contract
from mesoscale.errors import Reason
from mesoscale_streams.records import encode
from mesoscale_streams.records.decode import FEW, Decoder
from mesoscale_streams.records.schema import polars_schema

CONTRACT = Contract(
    name="reading",
    columns=(
        Column(name="name", type="string", max_length=8),
        Column(name="code", type="string", nullable=True, pattern="^[0-9A-Z]{2,}$"),
        Column(name="kind", type="string", nullable=True, one_of=("a", "b", "7")),
        Column(name="count", type="int64", min=1, max=1000, unit="pieces"),
        Column(name="level", type="float64", nullable=True, min=-5, max=5),
        Column(name="fine", type="boolean", nullable=True),
        Column(name="at", type="timestamp", latest="2100-01-01T00:00:00Z"),
        Column(name="day", type="date", nullable=True, earliest="1900-01-01"),
    ),
    key=("name",),
)
MAX_BYTES = 2000
GOOD = {"name": "x", "count": 3, "at": "2013-01-01T06:00:00Z"}


def line(**fields: Any) -> bytes:
    return json.dumps(GOOD | fields).encode()


# --- the plain reader -------------------------------------------------------------------------------------------

NOT_A_NUMBER = object()
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-5][0-9])"
)


class Refused(Exception):
    """The reason is its argument."""


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def text_of(text: str) -> Any:
    """All of it, the twins of keys as well."""
    return json.loads(text, object_pairs_hook=lambda pairs: [list(pair) for pair in pairs])


def not_finite(_: str) -> Any:
    raise Refused(Reason.NOT_FINITE)


def finite(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else not_finite(text)


def plain(value: bytes | None) -> dict[str, Any]:
    """The row, or Refused."""
    if value is None:
        raise Refused(Reason.NULL_VALUE)
    if len(value) > MAX_BYTES:
        raise Refused(Reason.TOO_LARGE)
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(Reason.NOT_UTF8) from None
    try:
        record = json.loads(text, object_pairs_hook=first_wins)
        json.loads(text, parse_constant=not_finite, parse_float=finite)
        json.dumps(text_of(text), ensure_ascii=False).encode()  # half a surrogate pair is no character
    except ValueError:
        raise Refused(Reason.MALFORMED) from None
    if record is None:
        raise Refused(Reason.NULL_VALUE)
    if not isinstance(record, dict):
        raise Refused(Reason.MALFORMED)
    row = {column.name: typed(record.get(column.name), column) for column in CONTRACT.columns}
    for column in CONTRACT.columns:
        limited(row[column.name], column)
    return row


def typed(found: Any, column: Column) -> Any:
    wanted = {"int64": (int,), "float64": (int, float), "boolean": (bool,)}.get(column.type, (str,))
    if found is None:
        return None
    if type(found) not in wanted or (column.type == "int64" and not -(2**63) <= found < 2**63):
        raise Refused(Reason.WRONG_TYPE)
    try:
        if column.type == "timestamp":
            return datetime.fromisoformat(INSTANT.fullmatch(found)[0]).astimezone(UTC)  # type: ignore[index]
        if column.type == "date":
            return date.fromisoformat(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", found)[0])  # type: ignore[index]
    except (TypeError, ValueError, OverflowError):
        raise Refused(Reason.WRONG_TYPE) from None
    if column.type == "string" and "\0" in found:
        raise Refused(Reason.NOT_ALLOWED)
    return found


def limited(found: Any, column: Column) -> None:
    if found is None:
        if not column.nullable:
            raise Refused(Reason.NULL_VALUE)
        return
    if column.min is not None and not column.min <= found <= (column.max or found):
        raise Refused(Reason.OUT_OF_RANGE)
    if column.latest is not None and found > datetime.fromisoformat(column.latest):
        raise Refused(Reason.OUT_OF_RANGE)
    if column.earliest is not None and found < date.fromisoformat(column.earliest):
        raise Refused(Reason.OUT_OF_RANGE)
    if column.one_of and found not in column.one_of:
        raise Refused(Reason.NOT_ALLOWED)
    if column.pattern and not re.search(column.pattern.replace("$", r"\Z"), found):
        raise Refused(Reason.PATTERN_MISMATCH)
    if column.max_length is not None and len(found) > column.max_length:
        raise Refused(Reason.TOO_LARGE)


# --- what is fed to both ----------------------------------------------------------------------------------------

ODD = [
    "1", "-1", "1.5", "1e5", "1E400", "-0", "NaN", "Infinity", "-Infinity", "1e999", "true", "false", "null",
    "[]", "{}", '[1,"x"]', '{"a":1}', '""', '"1"', '"true"', '"[]"', '"{}"', '"-4"', '"AB"', '"7"', '"é"',
    '"ééééééééé"',    '"x\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\ud800\\ue000"', '"a\\nb"', '"a\nb"',
    '"a\rb"', '"\\""', "01", "+1",
    ".5", "1.", "tru", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999999",
    '"2013-01-01"', '"2013-02-30"', '"01.02.2013"', '"2013/01/02"', '"0000-01-01"', '"1899-12-31"',
    '"2013-01-01T06:00:00Z"', '"2013-01-01T06:00:00.123456789Z"', '"2013-01-01T06:00:00+02:00"',
    '"2013-01-01T06:00:00"',
    '"2013-01-01 06:00:00Z"', '"01-02-2013 00:00:00"', '"2013-1-1T06:00:00Z"', '"2013-01-01T24:00:00Z"',
    '"2013-01-01T23:59:60Z"', '"0001-01-01T00:00:00+02:00"', '"9999-12-31T23:59:59-02:00"',
    '"2100-01-01T00:00:00.000001Z"',
    '"1969-12-31T23:59:59.9999999Z"', '"2013-01-01T06:00:00+0200"', "1356998400",
]  # fmt: skip
NAMES = [*polars_schema(CONTRACT), "extra", "na\\u006de"]
PAIR = st.tuples(st.sampled_from(NAMES), st.sampled_from(ODD), st.sampled_from(["", " ", "\n", "\t"]))


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A good record with some fields set, set twice or added, in odd but legal layouts."""
    space = draw(st.sampled_from(["", " ", "\n", "\r\n"]))
    pairs = [f'"{name}"{gap}:{gap}{value}' for name, value, gap in draw(st.lists(PAIR, max_size=3))]
    base = [f'"{name}":{json.dumps(value)}' for name, value in GOOD.items()]
    parts = draw(st.permutations(pairs + base)) if draw(st.booleans()) else pairs + base
    return (space + "{" + space + ("," + space).join(parts) + "}" + space).encode()


BROKEN: list[bytes | None] = [
    None, b"", b"  ", b"\n", b"null", b"1", b'"x"', b"[]", b"{}", b"{", b"}", b"\xff", b"\xef\xbb\xbf" + line(),
    line() + line(), line() + b"\n" + line(), line() + b"\r" + line(), line()[:-1], line() + b" x", line() + b"\0",
    line(name="caf\u00e9").decode().encode("latin-1"), '{"name":"café"}'.encode("latin-1"), b"[" + line() + b"]",
    line(extra="x" * 3000), line(extra={"name": 5}), line(extra=[[[[]]]]),
    b'{"extra":' + b"[" * 900 + b"]" * 900 + b"}",
]  # fmt: skip
ONE = st.one_of(st.just(line()), spoilt(), st.sampled_from(BROKEN), st.binary(max_size=12))


def verdicts(values: Sequence[bytes | None]) -> list[Any]:
    """Of each record: its row or its reason, and with that the promise that there is exactly one of them."""
    decoded = Decoder(CONTRACT, MAX_BYTES).decode(values)
    assert decoded.frame.schema == polars_schema(CONTRACT)
    found: list[Any] = [None] * len(values)
    accepted = range(len(values)) if decoded.accepted is None else decoded.accepted
    for index, row in zip(accepted, decoded.frame.to_dicts(), strict=True):
        assert found[index] is None
        found[index] = row
    for one in decoded.rejected:
        assert found[one.index] is None
        found[one.index] = one.reason
    assert None not in found
    assert (decoded.accepted is None) == (not decoded.rejected)
    return found


def expected(value: bytes | None) -> Any:
    try:
        return plain(value)
    except Refused as refused:
        return refused.args[0]


@settings(deadline=None, max_examples=300)
@given(st.lists(ONE, max_size=12))
@example([line() + b"\n" + line(), b""])  # as many lines as records, and yet not one a record
@example([b'{"name":"a","name":1,"count":3,"at":"2013-01-01T06:00:00Z"}', line(count="x")])
@example([line(extra=0).replace(b"0", b'"\\ud800"'), line()])
@example([line(at="2013-01-01T06:00:00"), line(at="01-02-2013 00:00:00")])
@example(
    [line(name="12"), line(name="13"), line().replace(b'"name": "x"', b'"name": 14')]
)  # among digits that are text
@example([line(name="12"), b'{"n\\u0061me":14,"name":"x","count":3,"at":"2013-01-01T06:00:00Z"}'])
@example([line(), line(name=[1]), line(name=True)])
def test_the_verdict_is_that_of_a_plain_reader(values: list[bytes | None]) -> None:
    assert verdicts(values) == [expected(value) for value in values]


@settings(deadline=None, max_examples=100)
@given(st.lists(ONE, max_size=12), st.integers(0, 12))
def test_where_a_batch_is_cut_changes_no_verdict(values: list[bytes | None], cut: int) -> None:
    whole = Decoder(CONTRACT, MAX_BYTES).decode(values)
    parts = [Decoder(CONTRACT, MAX_BYTES).decode(values[:cut]), Decoder(CONTRACT, MAX_BYTES).decode(values[cut:])]
    starts = (0, min(cut, len(values)))
    assert pl.concat([part.frame for part in parts]).equals(whole.frame)
    assert [(one.index, one.reason, one.detail) for one in whole.rejected] == [
        (start + one.index, one.reason, one.detail)
        for start, part in zip(starts, parts, strict=True)
        for one in part.rejected
    ]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 100), ONE), max_size=12))
@example([(5, b'{"name": "x"'), (9, line() + b"\n" + line()), (50, b""), (70, b"[1]"), (80, b"null"), (90, None)])
@example(
    [(5, line(count="3")), (9, line(level="1")), (50, line(fine=1)), (70, line(at="yesterday")), (80, line(day="x"))]
)
@example([(5, line(name=7)), (9, line(name="x\0")), (50, line(day="2013-02-30")), (70, line(at="2013-01-01"))])
@example([(5, line(at="2013-01-01T07:00:00.5+01:00")), (9, line(count=0)), (50, line(level=1e300))])
def test_a_few_bad_records_among_many_good_ones_get_the_verdict_of_a_plain_reader(
    strays: list[tuple[int, bytes | None]],
) -> None:
    values: list[bytes | None] = [line(count=1 + number) for number in range(100)]
    for place, stray in strays:
        values.insert(place, stray)
    assert verdicts(values) == [expected(value) for value in values]
    decoder, parts = Decoder(CONTRACT, MAX_BYTES), range(0, len(values), FEW)
    frames = [decoder.decode(values[start : start + FEW]).frame for start in parts]  # too few for a guess
    assert decoder.decode(values).frame.equals(pl.concat(frames))


DETAILS: list[tuple[bytes | None, Reason, str]] = [
    (line(count=-5), Reason.OUT_OF_RANGE, "count: -5 is below the minimum 1 pieces"),
    (line(level=5.5), Reason.OUT_OF_RANGE, "level: 5.5 is above the maximum 5"),
    (line(at="2150-01-01T00:00:00Z"), Reason.OUT_OF_RANGE, "at: 2150-01-01T00:00:00+00:00 is above"),
    (line(name=None), Reason.NULL_VALUE, "name: None is not allowed here"),
    (b"{}", Reason.NULL_VALUE, "name: None"),
    (line(kind="c"), Reason.NOT_ALLOWED, 'kind: "c" is none of a, b, 7'),
    (line(code="ab"), Reason.PATTERN_MISMATCH, 'code: "ab" does not match'),
    (line(name="x" * 9), Reason.TOO_LARGE, "is longer than 8 characters"),
    (line(name="x\0"), Reason.NOT_ALLOWED, "NUL"),
    (line(name=5), Reason.WRONG_TYPE, "name: a string is wanted, found a number 5"),
    (line(name={"a": 1}), Reason.WRONG_TYPE, "name: a string is wanted, found an object"),
    (line(code=12), Reason.WRONG_TYPE, "code: a string is wanted, found a number 12"),
    (line(kind=7), Reason.WRONG_TYPE, "kind: a string is wanted, found a number 7"),
    (line(count="3"), Reason.WRONG_TYPE, 'count: a whole number of 64 bits is wanted, found a string "3"'),
    (line(count=3.0), Reason.WRONG_TYPE, "count: a whole number"),
    (line(count=True), Reason.WRONG_TYPE, "found a boolean"),
    (line(fine=1), Reason.WRONG_TYPE, "fine: true or false is wanted"),
    (
        line(at="yesterday"),
        Reason.WRONG_TYPE,
        'at: a time such as 2013-01-01T06:00:00Z is wanted, found a string "yest',
    ),
    (line(at=1356998400), Reason.WRONG_TYPE, "at: a time such as 2013-01-01T06:00:00Z is wanted, found a number 1356"),
    (line(day="2013-02-30"), Reason.WRONG_TYPE, "day: a date such as"),
    (line(level=float("nan")), Reason.NOT_FINITE, ""),
    (line(level=float("inf")), Reason.NOT_FINITE, ""),
    (line(level=1).replace(b": 1,", b": 1e999,").replace(b": 1}", b": 1e999}"), Reason.NOT_FINITE, ""),
    (b"{'name': 1}", Reason.MALFORMED, "not JSON"),
    (line()[:-1], Reason.MALFORMED, "not JSON"),
    (b"\xef\xbb\xbf" + line(), Reason.MALFORMED, "byte order mark"),
    ('{"name":"café"}'.encode("latin-1"), Reason.NOT_UTF8, "byte 0xe9"),
    (line(name="x").decode().encode("utf-16"), Reason.NOT_UTF8, "byte 0xff at 0"),
    (line(name="x").replace(b'"x"', b'"\\ud800"'), Reason.MALFORMED, "surrogate"),
    (b"", Reason.MALFORMED, "blank"),
    (b" \n ", Reason.MALFORMED, "blank"),
    (b"[" + line() + b"]", Reason.MALFORMED, "a list"),
    (b'{"extra":' + b"[" * 2000 + b"]" * 2000 + b"}", Reason.MALFORMED, "depth"),
    (line(name="x" * 5_000_000), Reason.TOO_LARGE, "bytes are more than"),
    (None, Reason.NULL_VALUE, "no value"),
    (b"null", Reason.NULL_VALUE, "null"),
]


@pytest.mark.parametrize("among", ["alone", "among good ones"])
@pytest.mark.parametrize(("value", "reason", "words"), DETAILS, ids=range(len(DETAILS)))
def test_a_bad_record_is_refused_in_plain_words(value: bytes | None, reason: Reason, words: str, among: str) -> None:
    values = [value] if among == "alone" else [line(), value, line()]
    decoded = Decoder(CONTRACT).decode(values)
    assert decoded.frame.height == len(values) - 1
    (rejected,) = decoded.rejected
    assert (rejected.index, rejected.reason) == (values.index(value), reason), rejected.detail
    assert words in rejected.detail
    assert len(rejected.detail) < 300


FINE = [
    json.dumps(GOOD, indent=2).encode(),
    line(unknown={"a": [1, "\ud83d\ude00"]}),
    line(name="Jos\u00e9"),
    line(name="12345", code="12345", kind="7"),
    b'{"count":3,"name":"a","name":"b","at":"2013-01-01T06:00:00Z"}',
]


@pytest.mark.parametrize("value", FINE, ids=range(len(FINE)))
def test_a_record_in_another_layout_is_accepted(value: bytes) -> None:
    assert verdicts([value, line()]) == [expected(value), expected(line())]


def test_a_long_batch_with_few_bad_records_is_judged_like_a_short_one() -> None:
    values = [line(name=str(number)) for number in range(2500)]
    for index in (0, 999, 1000, 2499):
        values[index] = line(count="x")
    decoded = Decoder(CONTRACT).decode(values)
    assert [one.index for one in decoded.rejected] == [0, 999, 1000, 2499]
    assert decoded.accepted is not None
    assert decoded.frame["name"].to_list() == [str(index) for index in decoded.accepted]


def test_an_empty_batch_is_an_empty_frame() -> None:
    assert Decoder(CONTRACT).decode([]).frame.equals(pl.DataFrame(schema=polars_schema(CONTRACT)))


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "timestamp": st.datetimes(timezones=st.just(UTC)),
    "date": st.dates(),
}
LOOSE = Contract(
    name="loose",
    columns=tuple(Column(name=kind, type=kind, nullable=True) for kind in CELLS),  # type: ignore[arg-type]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.fixed_dictionaries({name: st.none() | cell for name, cell in CELLS.items()}), max_size=8))
def test_what_is_encoded_decodes_to_the_same(rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema=polars_schema(LOOSE))
    decoded = Decoder(LOOSE).decode(encode.encode(frame))
    assert not decoded.rejected
    assert decoded.frame.equals(frame)


def test_an_encoded_instant_ends_in_z() -> None:
    moments = [datetime(2013, 1, 1, 6, 0, 0, 1, UTC), datetime(1, 1, 1, tzinfo=UTC), None]
    frame = pl.DataFrame({"timestamp": moments}, schema={"timestamp": pl.Datetime("us", "UTC")})
    assert encode.encode(frame) == [
        b'{"timestamp":"2013-01-01T06:00:00.000001Z"}',
        b'{"timestamp":"0001-01-01T00:00:00.000000Z"}',
        b'{"timestamp":null}',
    ]


def test_keys_are_the_text_of_the_key_columns() -> None:
    frame = pl.DataFrame({"station": ["EWR", "Zürich"], "name": ["a", "b"]})
    station = SHIPPED["station"]
    assert encode.keys(frame, station) == [b"EWR", "Zürich".encode()]
    assert encode.keys(frame, station.model_copy(update={"key": ("station", "name")})) == [
        b"EWR|a",
        "Zürich|b".encode(),
    ]
    assert encode.keys(frame, station.model_copy(update={"key": ()})) == [None, None]
