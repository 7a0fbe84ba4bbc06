"""Topics are created, grown and configured as the plan says, never shrunk or taken over unasked; silence is told."""

import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from mesoscale import bindings
from mesoscale.errors import PlanRefused, Reason, ServiceUnavailable
from mesoscale.plan.types import Topic
from mesoscale_streams.kafka.topic_steps import Configure, Create, Grow, Observed, Step, decide
from mesoscale_streams.kafka.topics import Topics

POSITIONS = Topic(name="p..positions", role="positions", partitions=1, replicas=1, config={})
OURS = {"p..positions": Observed(1, {})}


def wanted(name: str, partitions: int = 3, retention: int = 1_000_000) -> Topic:
    config = {"retention.ms": str(retention)}
    return Topic(name=name, role="records", partitions=partitions, replicas=1, config=config)


@pytest.mark.parametrize(
    ("observed", "steps"),
    [
        (None, [Create(wanted("t"))]),
        (Observed(3, {"retention.ms": "1000000"}), []),
        (Observed(2, {"retention.ms": "1000000"}), [Grow("t", 3)]),
        (Observed(3, {}), [Configure("t", {"retention.ms": "1000000"})]),
        (Observed(3, {"retention.ms": "1000000", "segment.ms": "1"}), []),
        (Observed(1, {"retention.ms": "1"}), [Grow("t", 3), Configure("t", {"retention.ms": "1000000"})]),
    ],
)
def test_only_what_differs_is_done(observed: Observed | None, steps: list[Step]) -> None:
    there = OURS if observed is None else OURS | {"t": observed}
    assert decide(there, [wanted("t"), POSITIONS]) == steps


def test_what_makes_topics_ours_comes_first() -> None:
    steps = decide({}, [wanted("a"), POSITIONS, wanted("b")])
    assert steps == [Create(POSITIONS), Create(wanted("a")), Create(wanted("b"))]


def test_what_somebody_else_made_is_refused_as_a_whole_and_taken_over_when_asked() -> None:
    there = {"b": Observed(2, {"retention.ms": "1000000"}), "c": Observed(3, {"retention.ms": "1000000"})}
    with pytest.raises(PlanRefused) as refused:
        decide(there, [POSITIONS, wanted("a"), wanted("b"), wanted("c")])
    assert [(one.reason, one.message.split()[1]) for one in refused.value.problems] == [
        (Reason.NOT_OURS, "b"),
        (Reason.NOT_OURS, "c"),
    ]
    steps = decide(there, [POSITIONS, wanted("a"), wanted("b"), wanted("c")], adopt=True)
    assert steps == [Create(POSITIONS), Create(wanted("a")), Grow("b", 3)]


@pytest.mark.parametrize("adopt", [False, True])
def test_a_topic_never_shrinks(adopt: bool) -> None:
    with pytest.raises(PlanRefused, match="topic six has 6 partitions and cannot shrink to 3") as refused:
        decide(OURS | {"six": Observed(6, {})}, [POSITIONS, wanted("new"), wanted("six")], adopt)
    assert [problem.reason for problem in refused.value.problems] == [Reason.FORBIDDEN_CHANGE]


@pytest.fixture
def name(kafka: bindings.Kafka) -> Iterator[str]:
    """A pipeline whose topics are gone after the test."""
    chosen = f"grows-{uuid4().hex[:8]}"
    yield chosen
    Topics(kafka).delete([f"{chosen}..positions", f"{chosen}.t"])


def of(name: str, partitions: int = 2, retention: int = 1_000_000) -> list[Topic]:
    return [
        POSITIONS.model_copy(update={"name": f"{name}..positions"}),
        wanted(f"{name}.t", partitions, retention),
    ]


def test_a_second_apply_does_nothing_and_a_second_deletion_is_fine(kafka: bindings.Kafka, name: str) -> None:
    there, first, larger = Topics(kafka), of(name), of(name, 5, 2_000_000)
    assert there.apply(first) == [Create(topic) for topic in first]
    assert there.apply(first) == []
    assert there.apply(larger) == [Grow(f"{name}.t", 5), Configure(f"{name}.t", {"retention.ms": "2000000"})]
    assert there.observe([f"{name}.t"]) == {f"{name}.t": Observed(5, {"retention.ms": "2000000"})}
    for _ in range(2):
        there.delete([f"{name}.t"])
        assert there.observe([f"{name}.t"]) == {}


def test_a_broker_that_does_not_answer_is_waited_for_and_then_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        there = Topics(bindings.Kafka(f"127.0.0.1:{deaf.getsockname()[1]}"), patience=1)
        with pytest.raises(ServiceUnavailable, match="did not list topics"):
            there.observe(["any"])
        with pytest.raises(ServiceUnavailable, match="did not delete topic gone") as told:
            there.delete(["gone"])
    assert "destroyed" not in str(told.value), "the client went before the broker could answer"
