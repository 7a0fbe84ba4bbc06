"""Stages that remember, killed with -9 at random moments, their broker too, while processes come and go: their outputs
are those of a run that nobody disturbed, record by record.

`make soak` runs it with many kills (MESO_KILLS); the seed of the moments is MESO_SEED.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer
from fix_counting import SPEC as COUNT
from fix_counting import STEP, numbered, told
from fix_models import Trained
from fix_pipeline import RECORD, Pipeline, committed, payments, until
from fix_services import Running

from mesoscale import naming
from mesoscale.ledger import Counts
from mesoscale_streams.kafka.groups import Groups

MakePipeline = Callable[[str, str], Pipeline]
KILLS = int(os.environ.get("MESO_KILLS", "9")) // 3  # of each crew
SEED = int(os.environ.get("MESO_SEED", str(random.SystemRandom().randrange(10**6))))
PATIENCE = 180  # seconds for anything to come about, on a machine that others keep busy
EACH = 8_000  # records for a kill
MOST = 40_000 + EACH * KILLS  # records; the feed ends before, when there was enough
DISORDER = 40  # records that a record may be late by
SCALES = (1, 3, 2)  # processes of each stage, in turn
QUEUE = 50_000  # records that wait for the broker
CALM = "-calm"
BROKER = 5  # of so many kills, one is of the broker

OWN_STEP, WINDOW, SESSION, FEATURES, FRAUD, JOIN, LOOKUP = "count", "spend", "visits", "pace", "score", "meets", "knows"
# Those that are killed together, so that no more processes run at once than a small machine can bear.
CREWS = {
    "a step and windows": (OWN_STEP, WINDOW),
    "sessions, features and a model": (SESSION, FEATURES, FRAUD),
    "two topics": (JOIN, LOOKUP),
}
BESIDE = {JOIN: "again", LOOKUP: "profiles"}  # what a stage reads beside the payments
SECOND = 4  # every so many-th payment is in a second topic, too
ROUNDS, MORE = 3, 1_000_000  # of profiles of all accounts, the last of which counts; by so much each is above the last
BUILT_IN = {
    WINDOW: """\
      window:
        by: [account]
        size: 5s
        outOfOrderness: 20ms
        idleAfter: 1d
        aggregates: [{name: payments, value: count(*)}, {name: spent, value: sum(amount)}]
""",
    SESSION: """\
      session:
        by: [account]
        gap: 700ms
        outOfOrderness: 20ms
        idleAfter: 1d
        aggregates: [{name: payments, value: count(*)}, {name: largest, value: max(amount)}]
""",
    FEATURES: """\
      rolling:
        by: [account]
        outOfOrderness: 20ms
        idleAfter: 1d
        features: [{name: payments_2s, value: count(*), within: 2s}, {name: spent_9s, value: sum(amount), within: 9s}]
""",
    FRAUD: """\
      use: fraud
""",
    JOIN: """\
      join: {with: again, before: 300ms, after: 100ms, outOfOrderness: 100ms, idleAfter: 1d}
""",
    LOOKUP: """\
      enrich: {with: profiles, type: inner, columns: [limit]}
""",
}
PROFILE = """\
    - {name: profile, key: [account], columns: [{name: account, type: string}, {name: limit, type: int64}]}
"""
SOURCES = """\
    - {name: again, contract: transaction, synthetic: {perSecond: 100}}
    - {name: profiles, contract: profile, push: {}}
"""


def spec(stages: Sequence[str]) -> str:
    """Each stage twice: one that is killed, one that is left in peace."""
    head, count = COUNT.split("  stages:\n")
    head = head.replace("  sources:\n", PROFILE + "  sources:\n")
    made = {stage: f"    - name: {stage}\n      from: payments\n{text}" for stage, text in BUILT_IN.items()}
    made[OWN_STEP] = count
    both = (
        made[stage].replace(f"name: {stage}", f"name: {stage}{suffix}", 1) for stage in stages for suffix in ("", CALM)
    )
    return head + SOURCES + "  stages:\n" + "".join(both)


def profiles(records: Sequence[RECORD]) -> list[RECORD]:
    """What is known of every account, and what was known of it before."""
    accounts = sorted({key for key, _ in records if key})
    known = ((account, number + round_ * MORE) for round_ in range(ROUNDS) for number, account in enumerate(accounts))
    return [(account, orjson.dumps({"account": account.decode(), "limit": limit})) for account, limit in known]


def reads(stage: str) -> tuple[str, ...]:
    """Whose topics it reads."""
    return ("payments", BESIDE[stage]) if stage in BESIDE else ("payments",)


def disordered(records: list[RECORD], chance: random.Random) -> list[RECORD]:
    """Records a little out of the order of their times."""
    places = sorted(range(len(records)), key=lambda place: place + chance.uniform(0, DISORDER))
    return [records[place] for place in places]


class Crew:
    """The processes of some stages, which are killed and started again, more or fewer at a time."""

    def __init__(
        self, here: Pipeline, stages: Sequence[str], more: Sequence[str], broker: Running, chance: random.Random
    ) -> None:
        """`more` is what each of their programs is told."""
        self._here, self._stages, self._more = here, stages, more
        self._broker, self._chance = broker, chance
        self._running: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self._logged: dict[tuple[str, int], int] = {}  # bytes of the log before the process began
        self.killed: Counter[str] = Counter()

    def scale(self, number: int) -> None:
        """Have so many processes of each stage; those that are too many end in good order."""
        for stage in self._stages:
            for instance in range(max(SCALES)):
                process = self._running.get((stage, instance))
                if instance < number and process is None:
                    self._start(stage, instance)
                elif instance >= number and process is not None:
                    process.send_signal(signal.SIGTERM)
                    process.wait(PATIENCE)
                    del self._running[stage, instance]

    def look(self) -> bool:
        """Start again whoever ended, as a supervisor does; always true, to stand in conditions."""
        for (stage, instance), process in list(self._running.items()):
            if process.poll() is not None:
                self._start(stage, instance)
        return True

    def kill(self) -> None:
        """One of them while it is at work, or the broker."""
        if self._chance.randrange(BROKER) == 0:
            self._broker.kill()
            time.sleep(self._chance.uniform(0, 1))
            self._restart_broker()
            self.killed["broker"] += 1
            return
        stage, instance = self._chance.choice(sorted(self._running))
        until(lambda: self.look() and self._at_work(stage, instance), f"{stage}.{instance} is at work", PATIENCE)
        time.sleep(self._chance.uniform(0, 1.5))
        process = self._running[stage, instance]
        process.kill()
        process.wait()
        self._start(stage, instance)
        self.killed[stage] += 1

    def _restart_broker(self) -> None:
        """It may take longer on a machine that others keep busy."""
        with suppress(AssertionError):
            self._broker.start()
        until(self._broker.service.ready, "the broker is back", PATIENCE)

    def stop(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            process.wait(PATIENCE)
        self._running.clear()

    def _at_work(self, stage: str, instance: int) -> bool:
        """Whether this process, and not one before it, has had partitions."""
        return b'"state restored"' in self._log(stage, instance).read_bytes()[self._logged[stage, instance] :]

    def _start(self, stage: str, instance: int) -> None:
        log = self._log(stage, instance)
        self._logged[stage, instance] = log.stat().st_size if log.exists() else 0
        self._running[stage, instance] = self._here.start(
            stage, instance, more=("--state", f"kept/{stage}", *self._more)
        )

    def _log(self, stage: str, instance: int) -> Path:
        return self._here.folder / f"{stage}.{instance}.log"


@contextmanager
def fed(here: Pipeline, records: list[RECORD], kills: Counter[str]) -> Iterator[list[RECORD]]:
    """While inside, records go into the topic of payments, some into a second one; what went is in the list given.

    Each kill has its share of them. Where it takes long, they become few, so that they last to the end.
    """
    sent: list[RECORD] = []
    enough = threading.Event()
    producer = Producer({"bootstrap.servers": here.kafka.bootstrap_servers, "enable.idempotence": True})

    def feed() -> None:
        for start in range(0, len(records), 100):
            for key, value in records[start : start + 100]:
                while len(producer) > QUEUE:  # the broker is away
                    producer.poll(0.1)
                producer.produce(naming.topic(here.name, "payments"), value, key)
                sent.append((key, value))
                if len(sent) % SECOND == 0:
                    producer.produce(naming.topic(here.name, "again"), value, key)
            if enough.wait(0.05 if len(sent) < EACH * (kills.total() + 1) else 0.5):
                return

    feeding = threading.Thread(target=feed)
    feeding.start()
    try:
        yield sent
    finally:
        enough.set()
        feeding.join()
        assert producer.flush(PATIENCE) == 0


def content(here: Pipeline, topic: str, partitions: int) -> Counter[tuple[bytes | None, bytes | None]]:
    return Counter((one.key(), one.value()) for one in committed(here.kafka, topic, partitions))


def counts(here: Pipeline, stage: str, topics: Sequence[str] = ("payments",)) -> Counts:
    """Over these topics. With which of them it counts what it produced, depends on how batches were cut."""
    groups = Groups(here.kafka)
    try:
        read = [groups.read(naming.group(here.name, stage), naming.topic(here.name, topic), 6) for topic in topics]
        return Counts.total(counts for found in read for _, counts in found.values())
    finally:
        groups.close()


def killed(here: Pipeline, crew: Crew, chance: random.Random) -> list[RECORD]:
    """Kill while payments come, and scale; all payments that came."""
    scales, records = cycle(SCALES), payments(MOST)
    here.send("profiles", profiles(records))
    with fed(here, disordered(records, chance), crew.killed) as sent:
        for number in range(KILLS):
            if number % max(1, min(3, KILLS // 3)) == 0:
                crew.scale(next(scales))
            crew.kill()
        assert len(sent) < MOST, "the load ended before the kills did"
    assert crew.killed.total() == KILLS
    return sent


def assert_same(here: Pipeline, stage: str) -> None:
    """What it said, and what it counted, is what the one left in peace did."""
    for topic, partitions in ((naming.topic, 6), (naming.late_topic, 1)):
        found = content(here, topic(here.name, stage), partitions)
        assert found == content(here, topic(here.name, stage + CALM), partitions), stage
    for one in reads(stage):
        found, calm = (counts(here, name, [one]) for name in (stage, stage + CALM))
        assert replace(found, produced=0) == replace(calm, produced=0), (stage, one)
    counted = counts(here, stage, reads(stage))
    assert counted == counts(here, stage + CALM, reads(stage)), stage
    assert counted.produced > 1000, stage


@pytest.mark.timeout(300 + 60 * KILLS)
@pytest.mark.parametrize("stages", CREWS.values(), ids=CREWS)
def test_stages_that_remember_are_killed_and_say_what_they_would_have_said(
    pipeline: MakePipeline, broker: Running, trained: Trained, stages: tuple[str, ...]
) -> None:
    print(f"MESO_SEED={SEED}")  # noqa: T201  # pytest shows it where the test fails
    chance = random.Random(SEED)
    here = pipeline(f"killed-{stages[0]}", spec(stages))
    (here.folder / "own_steps.py").write_text(STEP)
    models = ("--models", str(trained.home / "models"))
    crew = Crew(here, stages, models, broker, chance)

    def all_done(suffix: str = "") -> bool:
        return crew.look() and all(here.stage_done(stage + suffix, one) for stage in stages for one in reads(stage))

    sent = killed(here, crew, chance)
    until(all_done, "those who were killed are done", PATIENCE)
    crew.stop()
    calm = [here.start(stage + CALM, more=models) for stage in stages]
    until(lambda: all_done(CALM), "those in peace are done", PATIENCE)
    for one in calm:
        here.stop(one)
    for stage in stages:
        assert_same(here, stage)
    if OWN_STEP in stages:
        assert told(here) == numbered(sent)
    if WINDOW in stages:
        assert counts(here, WINDOW).late > 0
    if LOOKUP in stages:
        known = {key: orjson.loads(value or b"")["limit"] for key, value in profiles(payments(MOST))}
        found = [orjson.loads(value or b"") for value in here.values(LOOKUP)]
        assert len(found) == len(sent)
        assert all(row["profiles_limit"] == known[row["account"].encode()] for row in found)
