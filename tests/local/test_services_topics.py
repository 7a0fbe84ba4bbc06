"""Topics are created, grown and configured as the plan says, never shrunk, and a broker's silence is told."""

import socket
from uuid import uuid4

import pytest

from mesoscale import bindings
from mesoscale.errors import PlanRefused, Reason, ServiceUnavailable
from mesoscale.plan.types import Topic
from mesoscale_local.services import topics


def wanted(name: str, partitions: int = 3, retention: int = 1_000_000) -> Topic:
    config = {"retention.ms": str(retention)}
    return Topic(name=name, role="records", partitions=partitions, replicas=1, config=config)


@pytest.mark.parametrize(
    ("observed", "topic", "steps"),
    [
        (None, wanted("t"), [topics.Create(wanted("t"))]),
        (topics.Observed(3, {"retention.ms": "1000000"}), wanted("t"), []),
        (topics.Observed(2, {"retention.ms": "1000000"}), wanted("t"), [topics.Grow("t", 3)]),
        (topics.Observed(3, {}), wanted("t"), [topics.Configure("t", {"retention.ms": "1000000"})]),
        (topics.Observed(3, {"retention.ms": "1000000", "segment.ms": "1"}), wanted("t"), []),
    ],
)
def test_only_what_differs_is_done(observed: topics.Observed | None, topic: Topic, steps: list[topics.Step]) -> None:
    assert topics.decide({} if observed is None else {"t": observed}, [topic]) == steps


def test_a_topic_never_shrinks() -> None:
    with pytest.raises(PlanRefused, match="topic six has 6 partitions and cannot shrink to 3") as refused:
        topics.decide({"six": topics.Observed(6, {})}, [wanted("new"), wanted("six")])
    assert [problem.reason for problem in refused.value.problems] == [Reason.FORBIDDEN_CHANGE]


def test_a_second_apply_does_nothing_and_a_second_deletion_is_fine(kafka: bindings.Kafka) -> None:
    bootstrap, name = kafka.bootstrap_servers, f"grows-{uuid4().hex[:8]}"
    first, larger = wanted(name, 2), wanted(name, 5, 2_000_000)
    assert topics.apply_topics(bootstrap, [first]) == [topics.Create(first)]
    assert topics.apply_topics(bootstrap, [first]) == []
    assert topics.apply_topics(bootstrap, [larger]) == [
        topics.Grow(name, 5),
        topics.Configure(name, {"retention.ms": "2000000"}),
    ]
    assert topics.observe_topics(bootstrap)[name] == topics.Observed(5, {"retention.ms": "2000000"})
    for _ in range(2):
        topics.delete_topics(bootstrap, [name])
        assert name not in topics.observe_topics(bootstrap)


def test_a_broker_that_does_not_answer_is_waited_for_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        bootstrap = f"127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(ServiceUnavailable, match="did not list topics"):
            topics.observe_topics(bootstrap)
        with pytest.raises(ServiceUnavailable, match="did not delete topic gone") as told:
            topics.delete_topics(bootstrap, ["gone"])
    assert "destroyed" not in str(told.value), "the client went before the broker could answer"
