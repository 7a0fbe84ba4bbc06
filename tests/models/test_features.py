"""Features are those of a plain reference, and the same bit by bit however a stream is cut into batches."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mesoscale_models import hashing
from mesoscale_models.fraud import features, history, memory
from mesoscale_models.fraud.features import CATEGORIES, NAMES, WINDOWS
from mesoscale_models.fraud.memory import RING

BEGIN = datetime(2024, 3, 1, 12, tzinfo=UTC)
SCHEMA = {
    "account": pl.String,
    "occurred_at": pl.Datetime("us", "UTC"),
    "amount": pl.Int64,
    "merchant": pl.String,
    "category": pl.String,
    "country": pl.String,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "device": pl.String,
}
PLACES = [(40.7, -74.0), (40.71, -74.02), (51.5, -0.1), (-33.9, 151.2), (35.7, 139.7)]


@st.composite
def streams(draw: st.DrawFn) -> pl.DataFrame:
    """Payments of a few accounts, quick and slow, slightly out of order, sometimes long enough to fill a ring."""
    count = draw(st.integers(1, 90))
    accounts = draw(st.sampled_from([1, 2, 7]))
    now, rows = BEGIN, []
    for _ in range(count):
        now += timedelta(
            milliseconds=draw(st.sampled_from([0, 1, 900, 20_000, 400_000, 1_800_000, 1_800_001, 50_000_000]))
        )
        latitude, longitude = draw(st.sampled_from(PLACES))
        rows.append(
            {
                "account": f"account-{draw(st.integers(1, accounts))}",
                "occurred_at": now - timedelta(milliseconds=draw(st.sampled_from([0, 0, 1500, 2000]))),
                "amount": draw(st.sampled_from([1, 30, 999, 1000, 25_000, 100_000_000])),
                "merchant": f"merchant-{draw(st.integers(1, 6))}",
                "category": draw(st.sampled_from([*CATEGORIES[:3], "weather"])),
                "country": draw(st.sampled_from(["US", "GB", "AU"])),
                "latitude": latitude,
                "longitude": longitude,
                "device": f"device-{draw(st.integers(1, 4))}",
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def slow(frame: pl.DataFrame) -> Iterator[dict[str, float]]:
    """One payment after the other, from lists of all that came before: what DESCRIPTIONS say, read word by word."""
    known: dict[str, list[dict[str, Any]]] = {}
    sessions: dict[str, list[dict[str, Any]]] = {}
    for row in frame.to_dicts():
        before = known.setdefault(row["account"], [])
        yield one(row, before, session_of(row, before, sessions))
        before.append(row)


def session_of(
    row: dict[str, Any], before: list[dict[str, Any]], sessions: dict[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    session = sessions.get(row["account"], [])
    if before and row["occurred_at"] - before[-1]["occurred_at"] > timedelta(minutes=30):
        session = []
    sessions[row["account"]] = [*session, row]
    return sessions[row["account"]]


def one(row: dict[str, Any], before: list[dict[str, Any]], session: list[dict[str, Any]]) -> dict[str, float]:
    ring, second, none = before[-RING:], whole(row), math.nan
    logs = [round(math.log(past["amount"]) * 4096) / 4096 for past in before]
    mean = sum(logs) / len(logs) if logs else none
    found: dict[str, float] = {"seen": len(before), "session_count": len(session)}
    found["session_seconds"] = max((row["occurred_at"] - session[0]["occurred_at"]).total_seconds(), 0)
    for name, width in WINDOWS.items():
        inside = [past for past in ring if whole(past) > second - width]
        found[f"count_{name}"] = len(inside)
        found[f"sum_{name}"] = (sum(past["amount"] for past in inside) + row["amount"]) / math.exp(mean)
    hour = [past for past in ring if whole(past) > second - 3600]
    found["small_count_1h"] = sum(past["amount"] < math.exp(mean) / 10 for past in hour)
    found["merchant_count_1h"] = sum(past["merchant"] == row["merchant"] for past in hour)
    found["amount_ratio"] = math.log(row["amount"]) - mean
    scatter = sum((log - mean) ** 2 for log in logs)
    found["amount_z"] = found["amount_ratio"] / math.sqrt((scatter + 3.2) / (len(logs) + 4))
    found["amount_to_last"] = math.log(row["amount"] / before[-1]["amount"]) if before else none
    found["amount_to_most"] = math.log(row["amount"] / max(past["amount"] for past in ring)) if before else none
    found["category"] = CATEGORIES.index(row["category"]) if row["category"] in CATEGORIES else -1
    for what in ("merchant", "country", "device"):
        same = [past for past in ring if past[what] == row[what]]
        found[f"{what}_share"] = len(same) / len(ring) if ring else none
        found[f"new_{what}"] = float(not same) if ring else none
        found[f"{what}_age"] = max(second - min(map(whole, same)), 0) if same else none
    gap = max((row["occurred_at"] - before[-1]["occurred_at"]).total_seconds(), 0) if before else none
    far = kilometres(before[-1], row) if before else none
    utc = row["occurred_at"].timestamp() / 3600
    found |= {"gap": gap, "distance": far, "speed": far / (gap + 60) * 3600, "hour": (utc + row["longitude"] / 15) % 24}
    return found


def whole(row: dict[str, Any]) -> int:
    return math.floor(row["occurred_at"].timestamp())


def kilometres(a: dict[str, Any], b: dict[str, Any]) -> float:
    """By the angle between two vectors: another formula than the one it checks."""

    def vector(of: dict[str, Any]) -> NDArray[np.float64]:
        north, east = math.radians(of["latitude"]), math.radians(of["longitude"])
        return np.array([math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)])

    one, other = vector(a), vector(b)
    return 6371.0088 * math.atan2(float(np.linalg.norm(np.cross(one, other))), float(one @ other))


def bits(found: NDArray[np.float32]) -> list[list[int]]:
    rows: list[list[int]] = found.view(np.uint32).tolist()
    return rows


def cut(frame: pl.DataFrame, sizes: list[int]) -> Iterator[pl.DataFrame]:
    first, turn = 0, 0
    while first < frame.height:
        size = sizes[turn % len(sizes)]
        yield frame.slice(first, size)
        first, turn = first + size, turn + 1


@settings(max_examples=60, deadline=None)
@given(frame=streams())
def test_features_are_those_of_the_plain_reference(frame: pl.DataFrame) -> None:
    found = history.extract(frame)
    expected = pl.DataFrame(list(slow(frame)), schema=dict.fromkeys(NAMES, pl.Float64), strict=False)
    for column, name in enumerate(NAMES):
        np.testing.assert_allclose(found[:, column], expected[name].to_numpy(), rtol=2e-3, atol=2e-3, err_msg=name)


@settings(max_examples=50, deadline=None)
@given(frame=streams(), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_how_a_stream_is_cut_into_batches_changes_no_bit(frame: pl.DataFrame, sizes: list[int]) -> None:
    accounts = history.Accounts()
    parts = np.concatenate([accounts.extract(batch) for batch in cut(frame, sizes)])
    assert bits(parts) == bits(history.extract(frame))


def test_a_long_history_of_many_accounts_is_the_same_in_any_batches(payments_to_learn_from: pl.DataFrame) -> None:
    frame = payments_to_learn_from.head(30_000)
    whole_at_once = history.extract(frame, chunk=frame.height)
    for size in (1, 7, 5000):
        some = frame.head(600) if size == 1 else frame
        assert bits(history.extract(some, chunk=size)) == bits(whole_at_once[: some.height])


def test_memory_survives_as_a_frame(payments_to_learn_from: pl.DataFrame) -> None:
    """As a stage keeps it: read from a table as a frame, nulls for accounts never seen, and written back."""
    frame = payments_to_learn_from.filter(pl.col("account") == "account-1").head(100)
    assert frame.height > 2 * 20
    nothing = pl.DataFrame([pl.Series(name, [None], dtype) for name, dtype in memory.COLUMNS.items()])
    assert nothing.schema == memory.COLUMNS
    kept, parts = nothing, []
    for batch in cut(frame, [20, 1, 7]):
        found, after = features.extract(batch, np.zeros(batch.height, np.intp), memory.of(kept))
        parts.append(found)
        kept = memory.frame(after)
        assert kept.schema == memory.COLUMNS
    assert bits(np.concatenate(parts)) == bits(history.extract(frame))


def test_an_account_that_pays_all_of_a_batch_costs_no_loop_over_payments(payments_to_learn_from: pl.DataFrame) -> None:
    """More payments of one account than a ring holds: rounds are bounded by the ring."""
    frame = payments_to_learn_from.head(1000).with_columns(account=pl.lit("account-1"))
    assert bits(history.extract(frame)) == bits(history.extract(frame, chunk=13))


def test_no_payments_have_no_features() -> None:
    assert history.extract(pl.DataFrame(schema=SCHEMA)).shape == (0, len(NAMES))


def test_hashes_of_texts_are_the_same_for_ever() -> None:
    """What is remembered lies in Kafka: another hash would make every merchant new."""
    texts = pl.Series(["", "merchant-1", "merchant-2", "Zürich", "x" * 300])
    assert hashing.short(texts).tolist() == [31389, 27068, 22467, 27000, 9657]
    assert hashing.short(pl.Series([], dtype=pl.String)).tolist() == []


def test_hashes_of_different_texts_seldom_meet() -> None:
    found = hashing.short(pl.Series([f"merchant-{number}" for number in range(60_000)]))
    assert found.min() >= 1
    expected = 65_535 * (1 - math.exp(-60_000 / 65_535))
    assert len(set(found.tolist())) == pytest.approx(expected, rel=0.03)
