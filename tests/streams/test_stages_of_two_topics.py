"""A join holds each pair once, wherever its processes die or share the work; a lookup has read its table first."""

import random
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from fix_pipeline import RECORD, Pipeline, until

from mesoscale import naming
from mesoscale_streams.kafka.groups import Groups

MakePipeline = Callable[[str, str], Pipeline]
SPEC = """\
  contracts:
    - name: seen
      key: [account]
      eventTime: at
      columns: [{name: account, type: string}, {name: at, type: timestamp}, {name: number, type: int64}]
  sources:
    - {name: orders, contract: seen, push: {}}
    - {name: visits, contract: seen, push: {}}
  stages:
    - {name: pairs, from: orders, join: {with: visits, type: left, before: 20s, after: 10s}}
    - {name: known, from: orders, enrich: {with: visits, type: inner, columns: [number]}}
"""
COUNT = 1_200
START = datetime(2024, 3, 1, tzinfo=UTC)
LAST = 3600 * 24  # seconds after the start: a record of each partition that makes all before it final


def record(account: str, second: int, number: int) -> RECORD:
    at = START + timedelta(seconds=second)
    value = {"account": account, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "number": number}
    return account.encode(), orjson.dumps(value)


def made(seed: int) -> list[tuple[str, int, int]]:
    """Account, second and number: three a second, in order."""
    draw = random.Random(seed)
    return [(f"a{draw.randrange(30)}", number // 3, number) for number in range(COUNT)]


def ends() -> list[tuple[str, int, int]]:
    """A record for each account, so that every partition has one."""
    return [(f"a{account}", LAST, -account) for account in range(30)]


def expected(orders: list[tuple[str, int, int]], visits: list[tuple[str, int, int]]) -> Counter[tuple[int, int | None]]:
    """Each order with each visit of its account from 20 s before it to 10 s after; the others alone."""
    pairs: Counter[tuple[int, int | None]] = Counter()
    for account, second, number in orders:
        met = [other for one, at, other in visits if one == account and second - 20 <= at <= second + 10]
        pairs.update([(number, other) for other in met] or [(number, None)])
    return pairs


def told(here: Pipeline) -> Counter[tuple[int, int | None]]:
    rows = [orjson.loads(value or b"") for value in here.values("pairs")]
    return Counter((row["number"], row["visits_number"]) for row in rows)


def done(here: Pipeline, node: str, sent: int) -> None:
    """All of both topics is read, and committed."""
    groups = Groups(here.kafka)

    def read() -> int:
        group = naming.group(here.name, node)
        topics = (naming.topic(here.name, producer) for producer in ("orders", "visits"))
        return sum(counts.read for topic in topics for _, counts in groups.read(group, topic, 6).values())

    try:
        until(lambda: read() == sent, f"{node} has read {sent}\n{here.log()}")
    finally:
        groups.close()


def send(here: Pipeline, orders: list[tuple[str, int, int]], visits: list[tuple[str, int, int]]) -> None:
    here.send("orders", [record(*one) for one in orders])
    here.send("visits", [record(*one) for one in visits])


def test_pairs_are_told_once_however_often_the_stage_is_killed(pipeline: MakePipeline) -> None:
    here, orders, visits = pipeline("pairs-killed", SPEC), made(1), made(2)
    for part, end in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)):
        here.write(SPEC)
        some = slice(part * COUNT // 3, (part + 1) * COUNT // 3)
        send(here, orders[some], visits[some])
        running = here.start("pairs")
        done(here, "pairs", 2 * some.stop)
        running.send_signal(end)
        running.wait(30)
    send(here, ends(), ends())
    running = here.start("pairs")
    done(here, "pairs", 2 * (COUNT + 30))
    here.stop(running)
    assert told(here) == expected([*orders, *ends()], [*visits, *ends()])


@pytest.mark.parametrize("moment", ["stage-before-commit", "stage-after-commit"])
def test_a_kill_at_the_commit_neither_loses_nor_doubles(pipeline: MakePipeline, moment: str) -> None:
    here, orders, visits = pipeline(f"pairs-{moment}", SPEC), made(3), made(4)
    send(here, orders, visits)
    assert here.start("pairs", sabotage=moment).wait(60) == -signal.SIGKILL, here.log()
    send(here, ends(), ends())
    running = here.start("pairs")
    done(here, "pairs", 2 * (COUNT + 30))
    here.stop(running)
    assert told(here) == expected([*orders, *ends()], [*visits, *ends()])


def test_two_processes_get_the_same_partitions_of_both_topics(pipeline: MakePipeline) -> None:
    here, orders, visits = pipeline("pairs-shared", SPEC), made(5), made(6)
    half = COUNT // 2
    first = here.start("pairs", 0)
    send(here, orders[:half], visits[:half])
    done(here, "pairs", COUNT)
    second = here.start("pairs", 1)
    log = here.folder / "pairs.1.log"
    until(lambda: "partitions assigned" in log.read_text(), "the second has partitions")
    send(here, orders[half:], visits[half:])
    done(here, "pairs", 2 * COUNT)
    first.send_signal(signal.SIGKILL)
    first.wait(30)
    send(here, ends(), ends())
    done(here, "pairs", 2 * (COUNT + 30))
    here.stop(second)
    assert told(here) == expected([*orders, *ends()], [*visits, *ends()])


def test_what_there_is_of_a_table_is_read_before_what_looks_into_it(pipeline: MakePipeline) -> None:
    here = pipeline("known", SPEC)
    table = [(f"a{account}", 0, account + round_ * 100) for round_ in range(20) for account in range(30)]
    send(here, made(7), table)
    running = here.start("known")
    done(here, "known", COUNT + len(table))
    here.stop(running)
    rows = [orjson.loads(value or b"") for value in here.values("known")]
    assert len(rows) == COUNT
    assert all(row["visits_number"] == int(row["account"][1:]) + 1900 for row in rows)
