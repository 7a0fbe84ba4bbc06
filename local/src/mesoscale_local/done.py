"""Is a pipeline that may end at its end? Decided from readings and states alone; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from mesoscale.graph.types import Graph
from mesoscale.model.source import Source
from mesoscale_local.observe import Reading

SETTLED = 3  # readings: a ledger that stays open for so long after the last record has a real gap
STALLED = 180.0  # seconds in which nothing moves; a restart of all services takes a fraction of it


def endless(graph: Graph) -> tuple[str, ...]:
    """The sources that never end: `--until-done` would wait for ever."""
    return tuple(node.name for node in graph.nodes if isinstance(node.section, Source) and _endless(node.section))


def _endless(source: Source) -> bool:
    if source.synthetic is not None:
        return source.synthetic.count is None
    return source.replay is None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The pipeline is at its end; `problems` says what does not add up."""

    problems: tuple[str, ...]


class Judge:
    """Remembers what it has seen since the last source ended."""

    def __init__(self) -> None:
        self._seen: list[Reading] = []
        self._moved_at = 0.0

    def look(self, reading: Reading | None, sources_ended: bool, clock: float) -> Verdict | None:
        """The verdict, or None while there is more to come. `clock` is in seconds and moves forward.

        A reading may have been made just before the source's last commit, so the first one after its end counts
        only as a beginning.
        """
        if reading is None or not sources_ended:
            self._seen, self._moved_at = [], clock
            return None
        if not self._seen or reading.nodes != self._seen[-1].nodes:
            self._moved_at = clock
        if not self._seen or reading.at != self._seen[-1].at:
            self._seen.append(reading)
        if len(self._seen) < 2:
            return None
        if reading.drained and reading.closed:
            return Verdict(())
        if _all_drained(self._seen[-SETTLED:]):
            return Verdict(reading.problems)
        if clock - self._moved_at > STALLED:
            stuck = f"nothing has moved for {STALLED:.0f} s"
            return Verdict((*reading.problems, *reading.in_between(), stuck))
        return None


def _all_drained(readings: Sequence[Reading]) -> bool:
    return len(readings) == SETTLED and all(reading.drained for reading in readings)
