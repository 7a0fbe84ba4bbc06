"""The stateful job in every engine, in turn, on the same two topics: what it costs cold, and each further record.

Cold is everything from the start of the program to the last commit of the short topic. Marginal is what the long topic
takes more than the short one, which leaves the start and the warming up out.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.bench.bare import PARTITIONS
from loadtest.bench.measure import LOADTEST, Figure, Spent
from loadtest.bench.stand import PATIENCE, Stand
from loadtest.bench.streams import tree
from loadtest.bench.streams.answer import check
from loadtest.bench.streams.engines import Engine
from loadtest.bench.streams.job import Load
from loadtest.bench.traffic import BATCH
from mesoscale_streams.records.schema import wire_schema

BARE = "bare read + decode, times left as text"
PAUSE = 0.1  # seconds between two looks at what is committed


@dataclass(frozen=True, slots=True)
class Run:
    """One run over one topic: MiB at most, and how many records came out."""

    spent: Spent
    resident: float
    written: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A run over each topic."""

    short: Run
    long: Run

    @property
    def more(self) -> Spent:
        return self.long.spent - self.short.spent


def run(engine: Engine, here: Stand, load: Load, attempt: int) -> Run:
    """Start the program, wait until all is committed, see what it has cost, and check what it has written.

    Raises:
        AssertionError: it ended, or took longer than PATIENCE.
        Wrong: its output is not the answer.
    """
    with engine.running(here, load, attempt) as at_work:
        deadline = time.monotonic() + PATIENCE
        while not at_work.committed():
            assert at_work.tree.process.poll() is None, at_work.tree.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, f"{engine.name} has not done {load.records} records"
            time.sleep(PAUSE)
        spent = at_work.tree.spent()
        at_work.tree.look()
        target, resident = at_work.target, at_work.tree.resident
    return Run(spent, resident, check(here.kafka.bootstrap_servers, target, load, engine.once).records)


def bare(here: Stand, load: Load) -> Run:
    """`bare.py` on the topic: what no engine can do without."""
    types = here.folder / "types.json"
    types.write_text(json.dumps({name: str(dtype.base_type()) for name, dtype in wire_schema(here.contract).items()}))
    arguments = (here.kafka.bootstrap_servers, load.topic, str(load.records), str(types))
    log = here.folder / "bare.log"
    with tree.running([sys.executable, "-m", "loadtest.bench.bare", *arguments], log, LOADTEST.parent) as started:
        assert started.process.wait(PATIENCE) == 0, log.read_text()
        resident = started.resident
    cost = json.loads(log.read_text())
    return Run(Spent(cost["wall"], cost["whole"]), resident)


def in_turn(
    here: Stand, loads: tuple[Load, Load], engines: Sequence[Engine], with_bare: bool, runs: int
) -> list[Figure]:
    """Round after round, each engine once; those that are slow take part in the first rounds only."""
    pairs: dict[str, list[Pair]] = {name: [] for name in ([BARE] * with_bare + [engine.name for engine in engines])}
    for attempt in range(runs):
        if with_bare:
            pairs[BARE].append(Pair(*(bare(here, load) for load in loads)))
            _tell(BARE, attempt, pairs[BARE][-1])
        for engine in engines:
            if attempt < engine.runs:
                pairs[engine.name].append(Pair(*(run(engine, here, load, attempt) for load in loads)))
                _tell(engine.name, attempt, pairs[engine.name][-1])
    details = {engine.name: engine.detail for engine in engines}
    return [
        figure for name, done in pairs.items() for figure in _figures(name, loads, done, details.get(name, {}))
    ] + _ratios(pairs, loads, next((engine.name for engine in engines if engine.key == "mesoscale"), None))


def _tell(name: str, attempt: int, pair: Pair) -> None:
    costs = f"{pair.short.spent.cpu:.1f} and {pair.long.spent.cpu:.1f} CPU-s"
    clock = f"{pair.short.spent.wall:.1f} and {pair.long.spent.wall:.1f} s"
    print(f"  {name}, run {attempt + 1}: {costs}, {clock}, {pair.long.resident:.0f} MiB", flush=True)


def _figures(name: str, loads: tuple[Load, Load], pairs: list[Pair], detail: dict[str, str]) -> list[Figure]:
    short, long = loads
    conditions = {
        "records": short.records,
        "records of the long topic": long.records,
        "record bytes": round(short.size),
        "partitions": PARTITIONS,
        "windows": short.answer.height,
        "windows of the long topic": long.answer.height,
        "written": pairs[0].short.written,
        "written for the long topic": pairs[0].long.written,
        **detail,
    }
    more = long.records - short.records

    def figure(what: str, unit: str, of: Callable[[Pair], float]) -> Figure:
        return Figure(f"{name}: {what}", unit, [of(pair) for pair in pairs], conditions)

    return [
        figure("cold", "records/CPU-s", lambda pair: short.records / pair.short.spent.cpu),
        figure("marginal", "records/CPU-s", lambda pair: more / pair.more.cpu),
        figure("cold, by the clock", "records/s", lambda pair: short.records / pair.short.spent.wall),
        figure("marginal, by the clock", "records/s", lambda pair: more / pair.more.wall),
        figure("resident at most", "MiB", lambda pair: max(pair.short.resident, pair.long.resident)),
    ]


def _ratios(pairs: dict[str, list[Pair]], loads: tuple[Load, Load], ours: str | None) -> list[Figure]:
    """Of runs side by side: how many times as many records ours does for the same processor time."""
    if ours is None:
        return []
    detail: dict[str, Any] = {"records": loads[0].records, "partitions": PARTITIONS, "batch": BATCH}
    figures = []
    for name, others in pairs.items():
        if name != ours:
            beside = list(zip(pairs[ours], others, strict=False))
            few = {"fewer runs": "one takes minutes"} if len(others) < len(pairs[ours]) else {}
            cold = [other.short.spent.cpu / mine.short.spent.cpu for mine, other in beside]
            marginal = [other.more.cpu / mine.more.cpu for mine, other in beside]
            figures.append(Figure(f"{ours} ÷ {name}, cold", "ratio", cold, detail | few))
            figures.append(Figure(f"{ours} ÷ {name}, marginal", "ratio", marginal, detail | few))
    return figures
