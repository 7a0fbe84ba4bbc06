"""Made-up payments: the same for the same seed, from any position, at any rate, as the contract wants."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesoscale.contract.catalogue import TRANSACTION
from mesoscale.errors import DocumentRefused
from mesoscale.model.source import Source as Section
from mesoscale_streams.sources import Batch, Source, open_source

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
START = "2024-03-01T00:00:00Z"


def source(now: datetime = NOW, **synthetic: Any) -> Source:
    section = Section.model_validate(
        {"name": "payments", "contract": "transaction", "synthetic": {"seed": 7, **synthetic}}
    )
    return open_source(section, Path("/nonexistent"), now)


def values(batches: list[Batch]) -> list[bytes]:
    return [value for batch in batches for value in batch.values]


def everything(of: Source, position: dict[str, Any] | None = None, max_records: int = 10_000) -> list[bytes]:
    return values(list(of.batches(position, max_records)))


def times(records: list[bytes]) -> list[datetime]:
    return [datetime.fromisoformat(json.loads(record)["occurred_at"]) for record in records]


@settings(max_examples=40, deadline=None)
@given(
    stops=st.integers(0, 20_000),
    rate=st.sampled_from([0.5, 3.0, 170.0, 20_000.0]),
    fraud=st.sampled_from([0.0, 0.004, 0.5]),
    first=st.integers(100, 9000),
    then=st.integers(100, 9000),
)
def test_going_on_from_any_position_gives_exactly_the_rest(
    stops: int, rate: float, fraud: float, first: int, then: int
) -> None:
    def again() -> Source:
        return source(per_second=rate, fraud_rate=fraud, count=20_000, start=START)

    whole = everything(again())
    assert len(whole) == 20_000
    assert everything(again(), {"index": stops}, then) == whole[stops:]
    seen = list(islice(again().batches(None, first), 3))
    assert values(seen) + everything(again(), json.loads(json.dumps(seen[-1].position)), then) == whole


def test_the_same_seed_gives_the_same_payments_in_another_process() -> None:
    script = """if True:
        import hashlib
        from datetime import UTC, datetime
        from mesoscale.model.source import Synthetic
        from mesoscale_streams.sources.synthetic import Payments
        section = Synthetic(seed=7, per_second=5000, count=30000, start="2024-03-01T00:00:00Z")
        digest = hashlib.sha256()
        for batch in Payments(section, datetime.now(UTC)).batches(None, 10000):
            digest.update(b"\\n".join(batch.values))
        print(digest.hexdigest())
    """
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert re.fullmatch(r"[0-9a-f]{64}\n", runs[0])


def test_different_seeds_give_different_payments() -> None:
    one, other = (
        [json.loads(value) for value in everything(source(seed=seed, count=2000, start=START))] for seed in (1, 2)
    )
    assert not {r["transaction_id"] for r in one} & {r["transaction_id"] for r in other}
    same = sum(a["account"] == b["account"] for a, b in zip(one, other, strict=True))
    assert same < 20


def test_identities_are_unique_and_numbered_by_arrival() -> None:
    records = [json.loads(value) for value in everything(source(count=25_000, start=START))]
    assert [record["transaction_id"] for record in records] == [f"tx-7-{i}" for i in range(25_000)]


@pytest.mark.parametrize("rate", [0.001, 0.004, 0.05, 0.5])
@pytest.mark.parametrize("per_second", [2.0, 200.0])
def test_the_share_of_fraud_is_the_one_asked_for(rate: float, per_second: float) -> None:
    count = 400_000 if rate < 0.05 else 100_000
    records = everything(source(per_second=per_second, fraud_rate=rate, count=count, start=START))
    fraud = sum(b'"fraud_pattern":null' not in record for record in records)
    assert fraud / count == pytest.approx(rate, rel=0.15)


def test_no_fraud_is_none_at_all() -> None:
    records = everything(source(fraud_rate=0, count=50_000, start=START))
    assert all(record.endswith(b'"fraud_pattern":null}') for record in records)


def test_every_payment_is_as_the_contract_wants_it() -> None:
    by_name = {column.name: column for column in TRANSACTION.columns}
    for value in everything(source(fraud_rate=0.2, accounts=300, count=50_000, start=START)):
        record = json.loads(value)
        assert list(record) == list(by_name)
        for name, column in by_name.items():
            found = record[name]
            if found is None:
                assert column.nullable
                continue
            assert type(found) is {"int64": int, "float64": float}.get(column.type, str)
            assert column.min is None or found >= column.min
            assert column.max is None or found <= column.max
            assert not column.one_of or found in column.one_of
            assert not column.pattern or re.search(column.pattern, found)
            assert not column.max_length or len(found) <= column.max_length
        datetime.fromisoformat(record["occurred_at"])


def test_event_time_follows_the_rate_from_the_start_slightly_out_of_order() -> None:
    found = times(everything(source(per_second=50, count=10_000, start=START)))
    expected = [datetime.fromisoformat(START) + timedelta(seconds=i / 50) for i in range(10_000)]
    delays = [(e - f).total_seconds() for e, f in zip(expected, found, strict=True)]
    assert min(delays) >= 0
    assert 1 < max(delays) <= 2.001
    assert any(later < earlier for earlier, later in pairwise(found)), "nothing is out of order"


def test_without_a_start_a_second_run_goes_on_in_the_present() -> None:
    first = source(per_second=100, count=5000)
    assert abs(times(next(first.batches(None, 10)).values)[0] - NOW) < timedelta(seconds=3)
    later = NOW + timedelta(days=3)
    second = source(later, per_second=100, count=5000)
    batch = next(second.batches({"index": 4000}, 10))
    assert json.loads(batch.values[0])["transaction_id"] == "tx-7-4000"
    assert abs(times(batch.values)[0] - later) < timedelta(seconds=3)


def test_going_back_after_a_failure_gives_the_same_payments_without_a_start_too() -> None:
    stream = source(per_second=100)
    batches = list(islice(stream.batches({"index": 500}, 10), 200))
    again = list(islice(stream.batches(batches[99].position, 10), 100))
    assert again == batches[100:]


def test_payments_are_due_at_their_rate() -> None:
    batches = list(islice(source(per_second=500, start=START).batches({"index": 1000}, 10_000), 400))
    assert {len(batch.values) for batch in batches} == {50}, "a tenth of a second each"
    for i, batch in enumerate(batches):
        assert batch.due == pytest.approx(((i + 1) * 50 - 1) / 500)


@pytest.mark.parametrize(("rate", "limit", "size"), [(0.2, 10_000, 1), (1e6, 10_000, 10_000), (500, 7, 7)])
def test_a_batch_is_never_larger_than_its_limits(rate: float, limit: int, size: int) -> None:
    batches = islice(source(per_second=rate, start=START).batches(None, limit), 5)
    assert [len(batch.values) for batch in batches] == [size] * 5


@pytest.mark.parametrize("count", [1, 8191, 8192, 8193, 12_345])
def test_count_ends_the_stream(count: int) -> None:
    stream = source(count=count, start=START)
    batches = list(stream.batches(None, 10_000))
    assert sum(len(batch.values) for batch in batches) == count
    assert batches[-1].position == {"index": count}
    assert list(stream.batches(batches[-1].position, 10_000)) == []


def test_a_start_that_is_no_time_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="2024-13-01T00:00:00Z"):
        source(start="2024-13-01T00:00:00Z")
