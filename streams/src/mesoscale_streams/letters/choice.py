"""Which dead letters are meant: the options of a command line as a filter, or a clear refusal of what is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mesoscale import units
from mesoscale.errors import DocumentRefused, Problem, Reason, nearest
from mesoscale.graph.types import Edge, Graph
from mesoscale_streams.kafka.letters import Letter


@dataclass(frozen=True, slots=True)
class Choice:
    """Letters of these edges, nodes, reasons and names (empty: of all), with that key, told from `since` to `until`."""

    edges: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, letter: Letter) -> bool:
        return (
            (not self.nodes or letter.node in self.nodes)
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.names or letter.name in self.names)
            and (self.key is None or letter.key == self.key.encode())
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )

    def of(self, graph: Graph) -> tuple[Edge, ...]:
        """The edges that may have such letters."""
        named = {name.rpartition("/")[0] for name in self.names}
        return tuple(
            edge
            for edge in graph.edges
            if (not self.edges or edge.producer in self.edges)
            and (not self.nodes or self.nodes & {edge.producer, *edge.consumers})
            and (not named or edge.producer in named)
        )


def choose(
    graph: Graph,
    now: datetime,
    *,
    edges: Sequence[str] = (),
    nodes: Sequence[str] = (),
    reasons: Sequence[str] = (),
    names: Sequence[str] = (),
    key: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Choice:
    """The filter that the options ask for; `since` and `until` are instants, or durations before `now`.

    Raises:
        DocumentRefused: something is no edge, node, reason, letter or time.
    """
    known = [node.name for node in graph.nodes]
    producers = [edge.producer for edge in graph.edges]
    problems = [
        *_unknown("--edge", edges, producers),
        *_unknown("--node", nodes, known),
        *_unknown("--reason", reasons, [str(reason) for reason in Reason]),
        *(problem for name in names for problem in _no_letter(name, producers)),
    ]
    if problems:
        raise DocumentRefused(problems)
    return Choice(
        edges=frozenset(edges),
        nodes=frozenset(nodes),
        reasons=frozenset(reasons),
        names=frozenset(names),
        key=key,
        since=None if since is None else moment("--since", since, now),
        until=None if until is None else moment("--until", until, now),
    )


def moment(option: str, text: str, now: datetime) -> datetime:
    """As `units.moment`.

    Raises:
        DocumentRefused: it is neither a duration nor an instant.
    """
    try:
        return units.moment(text, now)
    except ValueError:
        message = f'{option}: "{text}" is neither a duration nor an instant'
        hint = "write 15m for a quarter of an hour ago, or 2024-03-01T12:00:00Z"
        raise DocumentRefused(Problem(Reason.INVALID_VALUE, message, hint=hint)) from None


def _unknown(option: str, words: Sequence[str], known: Sequence[str]) -> Iterator[Problem]:
    for word in words:
        if word not in known:
            message = f'{option}: "{word}" is none of {", ".join(known)}'
            yield Problem(Reason.UNKNOWN_REFERENCE, message, hint=nearest(word, known))


def _no_letter(name: str, producers: Sequence[str]) -> Iterator[Problem]:
    edge, _, offset = name.rpartition("/")
    if edge not in producers or not offset.isdecimal():
        message = f'--letter: "{name}" does not name a dead letter: EDGE/OFFSET, and edges are {", ".join(producers)}'
        yield Problem(Reason.UNKNOWN_REFERENCE, message, hint="`dlq show` tells the name of each letter")
