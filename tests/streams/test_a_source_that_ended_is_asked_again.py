"""A source that has ended gives what is new when it is started again, and what it gave it does not give twice."""

import urllib.request
from collections.abc import Callable

import orjson
import pytest
from fix_pipeline import Pipeline, ids, payments, until

MakePipeline = Callable[[str, str], Pipeline]

MADE_UP = """\
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 1000, seed: 3, count: 300}}
"""
A_FILE = """\
  sources:
    - {name: payments, contract: transaction, replay: {file: payments.ndjson}}
"""


def run_to_its_end(pipeline: Pipeline) -> None:
    assert pipeline.start("payments").wait(60) == 0, pipeline.log()


def test_a_count_that_was_raised_gives_the_rest(pipeline: MakePipeline) -> None:
    here = pipeline("raised", MADE_UP)
    run_to_its_end(here)
    first = ids(here.values("payments"))
    document = here.folder / "pipeline.yaml"
    document.write_text(document.read_text().replace("count: 300", "count: 500"))
    for _ in range(2):
        run_to_its_end(here)
        now = ids(here.values("payments"))
        assert now.total() == len(now) == 500
        assert first <= now
    assert first.total() == 300


@pytest.mark.parametrize("more", [0, 70])
def test_a_file_that_has_grown_gives_what_was_added(pipeline: MakePipeline, more: int) -> None:
    here, lines = pipeline(f"grown-{more}", A_FILE), [value or b"" for _, value in payments(200)]
    file = here.folder / "payments.ndjson"
    file.write_bytes(b"\n".join(lines[:100]) + b"\n")
    run_to_its_end(here)
    with file.open("ab") as end:
        end.writelines(line + b"\n" for line in lines[100 : 100 + more])
    run_to_its_end(here)
    wanted = sorted(orjson.loads(line)["transaction_id"] for line in lines[: 100 + more])
    assert sorted(ids(here.values("payments")).elements()) == wanted


def test_where_whoever_ends_is_started_again_it_rests_instead_well_and_ready(pipeline: MakePipeline) -> None:
    here = pipeline("rests", MADE_UP)
    process = here.start("payments", more=("--stay", "--announce", "payments.json"))
    until(lambda: '"ended"' in here.log(), "the source has ended")
    address = orjson.loads((here.folder / "payments.json").read_bytes())["metrics"]
    with urllib.request.urlopen(address.replace("/metrics", "/readyz"), timeout=5) as answer:
        assert answer.status == 200
    assert ids(here.values("payments")).total() == 300
    assert process.poll() is None
    here.stop(process)
