"""The ledger says what does not add up, and nothing else."""

import pytest

from mesoscale import ledger
from mesoscale.graph.build import build
from mesoscale.ledger import Counts
from mesoscale.model import Pipeline

GRAPH = build(
    Pipeline.model_validate(
        {
            "apiVersion": "mesoscale.dev/v1alpha1",
            "kind": "WeatherPipeline",
            "metadata": {"name": "p"},
            "spec": {
                "sources": [{"name": "weather", "contract": "observation", "replay": {"dataset": "nyc-2013"}}],
                "stages": [
                    {"name": "same", "from": "weather", "use": "forward"},
                    {"name": "own", "from": "weather", "step": "steps:own"},
                ],
                "sinks": [{"name": "rows", "from": "same", "table": {}}],
            },
        }
    )
)
BALANCED = {
    "weather": Counts(read=10, accepted=9, rejected=1, produced=9),
    "same": Counts(read=9, accepted=8, rejected=1, produced=8),
    "own": Counts(read=5, accepted=5, produced=2),
    "rows": Counts(read=8, accepted=7, late=1, produced=7),
}


def test_a_balanced_ledger_is_closed_and_shows_its_lag() -> None:
    read = ledger.balance(GRAPH, BALANCED, {("weather", "own"): 6})
    assert read.closed
    assert {(edge.producer, edge.consumer): edge.lag for edge in read.edges} == {
        ("weather", "same"): 0,
        ("weather", "own"): 4,
        ("same", "rows"): 0,
    }
    assert not read.drained


def test_a_pipeline_that_has_not_begun_is_closed_and_drained() -> None:
    read = ledger.balance(GRAPH, {}, {})
    assert read.closed
    assert read.drained


@pytest.mark.parametrize(
    ("node", "counts", "problem"),
    [
        ("rows", Counts(read=8, accepted=8, rejected=1), "rows: read 8 but accepted + rejected + late = 9"),
        ("weather", Counts(read=10, accepted=10, produced=9), "weather: accepted 10 but produced 9"),
        ("same", Counts(read=9, accepted=9, produced=8), "same: accepted 9 but produced 8"),
        (
            "own",
            Counts(read=12, accepted=12),
            "weather → own: 3 records were consumed that weather did not produce",
        ),
        (
            "own",
            Counts(read=2, accepted=2),
            "weather → own: produced 9, consumed 2, but only 6 can be in between",
        ),
    ],
)
def test_what_does_not_add_up_is_named(node: str, counts: Counts, problem: str) -> None:
    read = ledger.balance(GRAPH, BALANCED | {node: counts}, {("weather", "own"): 6})
    assert problem in read.problems
    assert not read.closed


def test_records_that_were_sent_back_are_produced_once_more_for_their_reader() -> None:
    again = BALANCED | {"own": Counts(read=12, accepted=12, produced=2)}
    assert not ledger.balance(GRAPH, again, {}).closed
    read = ledger.balance(GRAPH, again, {}, {("weather", "own"): 3})
    assert read.closed
    assert {edge.consumer: edge.redriven for edge in read.edges} == {"same": 0, "own": 3, "rows": 0}
    more = ledger.balance(GRAPH, again, {}, {("weather", "own"): 4})
    assert more.problems == ("weather → own: produced 9 and 4 redriven, consumed 12, but only 0 can be in between",)
