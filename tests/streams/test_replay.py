"""A node is run once more over what it has read: what differs is told, the live node's position and rows stay."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from fix_letters import ledger, settle
from fix_pipeline import Pipeline, payments

MakePipeline = Callable[[str, str], Pipeline]
COUNT = 80
STEPS = """\
import polars as pl

def tax(frame):
    return frame.with_columns(amount=pl.col("amount") * 2{more})
"""
MORE = ').filter(pl.col("transaction_id") != "{gone}"'
SPEC = """\
  contracts:
    - {name: bare, version: 1, columns: [{name: account, type: string}, {name: amount, type: int64}]}
  sources:
    - {name: given, contract: transaction, replay: {file: given.ndjson}}
  stages:
    - {name: tax, from: given, step: "tax_steps:tax"}
    - {name: thin, from: given, step: "tax_steps:tax", contract: bare}
    - {name: lonely, from: given, use: forward}
  sinks:
    - {name: rows, from: given, table: {partitionBy: {column: occurred_at, every: 1mo}}}
    - {name: taxed, from: tax, table: {}}
    - {name: thinned, from: thin, table: {}}
"""


def replay(here: Pipeline, *arguments: str) -> Any:
    """What `replay` answers, or the error's line of the log."""
    where = ["--document", "pipeline.yaml", "--bindings", "bindings", "--output", "json"]
    ended = subprocess.run(
        [sys.executable, "-m", "mesoscale_streams", "replay", *arguments, *where],
        cwd=here.folder,
        capture_output=True,
        timeout=120,
    )
    if ended.returncode:
        last = [line for line in ended.stderr.splitlines() if line.startswith(b"{")][-1]
        return ended.returncode, orjson.loads(last)["message"]
    return orjson.loads(ended.stdout)


@pytest.fixture
def taxed(pipeline: MakePipeline, tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    """A pipeline at rest; its nodes run."""
    (tmp_path / "given.ndjson").write_bytes(b"\n".join([*(value or b"" for _, value in payments(COUNT)), b"bad", b""]))
    (tmp_path / "tax_steps.py").write_text(STEPS.format(more=""))
    here = pipeline(f"replay-{len(request.node.name)}", SPEC)
    assert here.start("given").wait(90) == 0, here.log()
    for node in ("tax", "thin", "lonely", "rows", "taxed", "thinned"):
        here.start(node)
    settle(here)
    return here


def shadows(here: Pipeline) -> list[str]:
    schema = here.name.replace("-", "_")
    found = here.rows(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY 1")
    return [str(name) for (name,) in found if "__shadow_" in str(name)]


def test_a_stage_whose_step_changed_is_compared_row_by_row(taxed: Pipeline) -> None:
    here, before = taxed, settle(taxed)
    told = replay(here, "tax", "--shadow")
    [table] = told["tables"]
    assert (told["read"], told["accepted"], table["rows"], table["same"]) == (COUNT, COUNT, COUNT, COUNT)
    assert (table["onlyInLive"], table["onlyInShadow"], table["different"]) == (0, 0, 0)

    some = orjson.loads(payments(COUNT)[7][1] or b"")
    (here.folder / "tax_steps.py").write_text(
        STEPS.format(more=MORE.format(gone=some["transaction_id"])).replace("* 2", "* 3")
    )
    [table] = replay(here, "tax", "--shadow")["tables"]
    assert (table["onlyInLive"], table["onlyInShadow"], table["different"]) == (1, 0, COUNT - 1)
    assert table["examples"]["onlyInLive"][0]["transaction_id"] == some["transaction_id"]
    first = table["examples"]["different"][0]
    assert first["amount"][1] * 2 == first["amount"][0] * 3
    assert set(first) == {"transaction_id", "amount"}
    assert here.rows(f"SELECT count(*) FROM {table['shadow']}") == [(COUNT - 1,)]
    assert settle(here).nodes == before.nodes
    assert len(shadows(here)) == 2
    assert len(replay(here, "tax", "--drop-shadows")["dropped"]) == 2
    assert shadows(here) == []


def test_rows_without_an_identity_are_compared_whole_and_never_doubled(taxed: Pipeline) -> None:
    here = taxed
    [table] = replay(here, "thinned", "--shadow")["tables"]
    assert (table["same"], table["onlyInLive"], table["onlyInShadow"]) == (COUNT, 0, 0)
    [part] = replay(here, "thinned", "--shadow", "--to", "0:0,1:0,2:0")["tables"]
    assert part["onlyInLive"] is None
    code, message = replay(here, "thinned")
    assert code == 3
    assert "contract bare@1 has no identity" in message
    code, message = replay(here, "tax")
    assert code == 3
    assert "taxed would read each record of the range a second time" in message
    assert here.rows("SELECT count(*) FROM thinned") == [(COUNT,)]


def test_a_sink_brings_back_rows_that_are_gone_or_changed(taxed: Pipeline) -> None:
    here = taxed
    before = here.rows("SELECT * FROM rows ORDER BY transaction_id")
    here.rows("WITH gone AS (DELETE FROM rows WHERE amount % 3 = 0 RETURNING 1) SELECT count(*) FROM gone")
    here.rows("WITH new AS (UPDATE rows SET amount = 1 WHERE amount % 3 = 1 RETURNING 1) SELECT count(*) FROM new")
    broken = len(before) - len(here.rows("SELECT 1 FROM rows WHERE amount % 3 = 2"))
    told = replay(here, "rows", "--from", "1h")
    [table] = told["tables"]
    assert table["onlyInShadow"] + table["different"] == table["merged"]
    assert 0 < table["merged"] <= broken
    assert here.rows("SELECT * FROM rows ORDER BY transaction_id") == before
    assert shadows(here) == []
    again = replay(here, "rows")["tables"][0]
    assert (again["merged"], again["same"]) == (0, COUNT)
    assert ledger(here).closed


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ("given", "given is a source"),
        ("lonely", "no table is filled from lonely"),
        ("nobody", '"nobody" is not a source, stage or sink'),
    ],
)
def test_what_cannot_be_replayed_is_refused(bare_pipeline: MakePipeline, node: str, told: str) -> None:
    code, message = replay(bare_pipeline("replay-no", SPEC), node, "--shadow")
    assert code in (2, 3)
    assert told in message
