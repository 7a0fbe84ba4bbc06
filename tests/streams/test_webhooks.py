"""A sink that calls loses no record, repeats one only under its id, and waits for no receiver; the ledger adds up."""

import signal
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable

import orjson
import pytest
from fix_letters import dlq, ledger, settle
from fix_pipeline import Pipeline, ids, payments, until
from fix_receiver import SECRET, Receiver, Reply, Request

from mesoscale.bindings import Bindings, Webhook

MakePipeline = Callable[[str, str], Pipeline]
COUNT = 60
HOOK = "{secret: receiver, timeout: 1s, retries: {attempts: 3, delay: 1s, factor: 1}}"
SPEC = f"""\
  sources:
    - {{name: given, contract: transaction, replay: {{file: given.ndjson}}}}
  sinks:
    - {{name: call, from: given, webhook: {HOOK}}}
"""


@pytest.fixture
def calling(pipeline: MakePipeline, receiver: Receiver, request: pytest.FixtureRequest) -> Pipeline:
    """All payments are in the topic, and counted; the sink is not started yet."""
    here = pipeline(f"hook-{zlib.crc32(request.node.name.encode()):x}", SPEC)
    here.bind(Bindings(here.kafka, here.postgres, {"receiver": Webhook(SECRET, receiver.url)}))
    (here.folder / "given.ndjson").write_bytes(b"\n".join(value or b"" for _, value in payments(COUNT)))
    assert here.start("given").wait(90) == 0, here.log()
    return here


def name(request: Request) -> str:
    return str(orjson.loads(request.body)["transaction_id"])


def names(requests: Iterable[Request]) -> Counter[str]:
    return Counter(map(name, requests))


def all_names() -> list[str]:
    return sorted(ids(value for _, value in payments(COUNT)))


def test_every_record_is_delivered_once_signed_and_as_it_is(calling: Pipeline, receiver: Receiver) -> None:
    sink = calling.start("call")
    read = settle(calling)
    assert sorted(request.body for request in receiver.requests) == sorted(value or b"" for _, value in payments(COUNT))
    assert all(request.signed for request in receiver.requests)
    assert len({request.id for request in receiver.requests}) == COUNT
    assert {request.headers["content-type"] for request in receiver.requests} == {"application/json"}
    counts = read.nodes["call"]
    assert (counts.read, counts.accepted, counts.rejected, counts.produced) == (COUNT, COUNT, 0, COUNT)
    calling.stop(sink)
    calling.start("call")
    calling.send("given", more := payments(9, seed=4))
    until(lambda: len(receiver.requests) >= COUNT + 9, "the new ones arrive")
    assert Counter(request.body for request in receiver.requests[COUNT:]) == Counter(value for _, value in more)


def test_what_cannot_be_taken_now_comes_again_under_its_id(calling: Pipeline, receiver: Receiver) -> None:
    tries: Counter[str] = Counter()

    def third_time(request: Request) -> Reply:
        tries[request.id] += 1
        return Reply(200 if tries[request.id] > 2 else 500 if tries[request.id] == 2 else 429)

    receiver.answer = third_time
    calling.start("call")
    read = settle(calling)
    assert names(receiver.requests) == Counter(dict.fromkeys(all_names(), 3))
    assert all(request.signed for request in receiver.requests)
    assert len({request.id for request in receiver.requests}) == COUNT
    assert (read.nodes["call"].accepted, read.nodes["call"].rejected) == (COUNT, 0)
    assert calling.letters("given") == []


def test_what_is_refused_for_good_is_a_dead_letter_that_can_be_sent_back(calling: Pipeline, receiver: Receiver) -> None:
    bad = set(all_names()[:7])
    receiver.answer = lambda request: (
        Reply(400, b'{"error": "no such account"}') if name(request) in bad else Reply(200)
    )
    calling.start("call")
    counts = settle(calling).nodes["call"]
    assert (counts.read, counts.accepted, counts.rejected) == (COUNT, COUNT - 7, 7)
    assert names(receiver.requests) == Counter(all_names()), "nothing is sent twice"
    told = dlq(calling, "show", "--node", "call")
    assert {(one["reason"], one["detail"]) for one in told} == {
        ("CallRefused", '400 Bad Request: {"error": "no such account"}')
    }
    assert set(ids(one["value"]["text"] for one in told)) == bad
    before = {name(request): request.id for request in receiver.requests}
    receiver.answer = lambda _: Reply(202)
    assert dlq(calling, "redrive", "--node", "call")["sent"] == 7
    counts = settle(calling).nodes["call"]
    assert (counts.read, counts.accepted, counts.rejected) == (COUNT + 7, COUNT, 7)
    assert {name(one): one.id for one in receiver.requests[COUNT:]} == {one: before[one] for one in bad}


def test_a_receiver_that_hangs_for_some_keeps_none_of_the_others(calling: Pipeline, receiver: Receiver) -> None:
    bad = set(all_names()[::5])
    receiver.answer = lambda request: Reply(200, after=30 if name(request) in bad else 0)
    sink = calling.start("call")
    good = set(all_names()) - bad
    until(lambda: good <= set(names(receiver.requests)), "the others arrive")
    counts = settle(calling).nodes["call"]
    assert (counts.read, counts.accepted, counts.rejected) == (COUNT, COUNT - len(bad), len(bad))
    assert names(receiver.requests) == Counter({one: 4 if one in bad else 1 for one in all_names()})
    told = dlq(calling, "show")
    assert {(one["reason"], one["detail"]) for one in told} == {
        ("RetriesExhausted", "tried 4 times: no answer within 1 s")
    }
    assert set(ids(one["value"]["text"] for one in told)) == bad
    assert dlq(calling, "list")
    calling.stop(sink)


def test_a_receiver_that_hangs_does_not_keep_the_program_from_its_end(calling: Pipeline, receiver: Receiver) -> None:
    text = (calling.folder / "pipeline.yaml").read_text()
    (calling.folder / "pipeline.yaml").write_text(text.replace("timeout: 1s", "timeout: 3s, concurrency: 2"))
    receiver.answer = lambda _: Reply(200, after=30)
    sink = calling.start("call")
    until(lambda: receiver.requests, "it calls")
    began = time.monotonic()
    calling.stop(sink)
    assert time.monotonic() - began < 15
    receiver.answer = lambda _: Reply(200)
    calling.start("call")
    counts = settle(calling).nodes["call"]
    assert (counts.read, counts.accepted) == (COUNT, COUNT)
    assert set(names(receiver.requests)) == set(all_names())


def test_nobody_there_is_waited_for_and_what_was_not_sent_is_told(calling: Pipeline, receiver: Receiver) -> None:
    receiver.close()
    calling.start("call")
    counts = settle(calling).nodes["call"]
    assert (counts.read, counts.accepted, counts.rejected) == (COUNT, 0, COUNT)
    told = dlq(calling, "show", "--limit", "1000")
    assert {one["reason"] for one in told} == {"RetriesExhausted"}
    assert all(one["detail"].startswith("tried 4 times: ConnectionRefusedError") for one in told)
    assert sorted(ids(one["value"]["text"] for one in told)) == all_names()


@pytest.mark.parametrize("moment", ["call-before-commit", "call-after-commit", "call-waiting-before-commit"])
def test_a_sink_that_is_killed_loses_nothing_and_repeats_under_the_same_id(
    calling: Pipeline, receiver: Receiver, moment: str
) -> None:
    failed: set[str] = set()
    delivered: Counter[str] = Counter()

    def second_time(request: Request) -> Reply:
        if name(request) < all_names()[COUNT // 2] and request.id not in failed:
            failed.add(request.id)
            return Reply(503)
        delivered[request.id] += 1
        return Reply(200)

    receiver.answer = second_time
    doomed = calling.start("call", sabotage=moment)
    assert doomed.wait(90) == -signal.SIGKILL, calling.log()
    calling.start("call")
    counts = settle(calling).nodes["call"]
    assert (counts.read, counts.accepted, counts.rejected) == (COUNT, COUNT, 0)
    assert set(names(receiver.requests)) == set(all_names())
    by_id = {(request.id, name(request)) for request in receiver.requests}
    assert len(by_id) == len({one for one, _ in by_id}) == COUNT, "a record has one id, however often it is sent"
    repeated = sum(number > 1 for number in delivered.values())
    assert bool(repeated) == (moment != "call-after-commit")
    assert repeated <= 10, "no more than what was in flight"


def test_a_sink_that_counted_before_it_calls_would_be_seen_to_lose_records(
    calling: Pipeline, receiver: Receiver
) -> None:
    assert calling.start("call", sabotage="wrong-call-after-commit").wait(90) == -signal.SIGKILL, calling.log()
    calling.start("call")
    settle(calling)
    lost = set(all_names()) - set(names(receiver.requests))
    assert 0 < len(lost) <= 10


def test_what_a_slow_receiver_left_of_a_batch_is_read_anew_and_sent_once(calling: Pipeline, receiver: Receiver) -> None:
    text = (calling.folder / "pipeline.yaml").read_text()
    (calling.folder / "pipeline.yaml").write_text(text.replace("timeout: 1s", "timeout: 5s, concurrency: 2"))
    receiver.answer = lambda _: Reply(200, after=0.25)
    sink = calling.start("call", sabotage="held-briefly")
    counts = settle(calling).nodes["call"]
    assert (counts.read, counts.accepted) == (COUNT, COUNT)
    assert names(receiver.requests) == Counter(all_names())
    assert receiver.most_at_once == 2
    calling.stop(sink)


def test_processes_that_come_and_go_share_the_work_and_lose_nothing(calling: Pipeline, receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(200, after=0.3)
    first = calling.start("call")
    until(lambda: receiver.requests, "the first calls")
    calling.start("call", instance=1)
    calling.send("given", payments(300, seed=4))
    until(lambda: len(receiver.requests) > 2 * COUNT, "both call")
    calling.stop(first)
    everything = set(all_names()) | set(ids(value for _, value in payments(300, seed=4)))
    until(lambda: everything <= set(names(receiver.requests)), "all arrive")
    until(lambda: ledger(calling).nodes["call"].accepted == COUNT + 300, "all is counted, once")
    assert len({request.id for request in receiver.requests}) == COUNT + 300
    assert calling.letters("given") == []


def test_the_sink_is_not_started_without_its_secret(calling: Pipeline) -> None:
    calling.bind(Bindings(calling.kafka, calling.postgres))
    assert calling.start("call").wait(60) == 4
    assert "webhook-receiver" in calling.log()
    assert ledger(calling).nodes["call"].read == 0
