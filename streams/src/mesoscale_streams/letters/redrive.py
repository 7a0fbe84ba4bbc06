"""Sends dead letters back to where they were refused, each at most once however often it is tried.

1. Take the transactional identity, which ends what another redriver had open and shuts it out; 2. read which letters
were sent back; 3. in one transaction for each few hundred letters: the records into the topic of their edge, a mark for
each letter, the counts of the edge. A redriver that is killed leaves whole transactions or nothing of them.

A record that a stage or sink refused is for that node alone, as the other readers of the topic have had it. One that a
source refused was never in the topic, and is for all. Records that would break the contract again stay where they are.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mesoscale import naming
from mesoscale.bindings import Kafka
from mesoscale.errors import Reason
from mesoscale.graph.types import Edge, Graph
from mesoscale_streams.history import History
from mesoscale_streams.kafka import redriven, refusals
from mesoscale_streams.kafka.letters import Letter, LettersReader
from mesoscale_streams.kafka.redriven import TO_ALL, RedrivenReader
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.letters.choice import Choice
from mesoscale_streams.records import encode
from mesoscale_streams.records.decode import Decoder
from mesoscale_streams.work import BeginAgain

Fate = Literal["sent", "already", "refused"]

AT_ONCE = 500  # letters of one transaction
BYTES_AT_ONCE = 16 << 20
TRIES = 5  # of a transaction that the broker aborts
PAUSE = 1.0  # seconds between them
SHOWN = 100  # refused letters that are told one by one


@dataclass(frozen=True, slots=True)
class Fated:
    """A letter and what becomes of it; `key` is that of the record to send, `why` says why there is none."""

    letter: Letter
    fate: Fate
    key: bytes | None = None
    why: tuple[str, str] = ("", "")


@dataclass
class Outcome:
    """What became, or would become, of the chosen letters: how many, and the first of those that stay."""

    dry_run: bool
    groups: Counter[tuple[str, str, str, Fate]] = field(default_factory=Counter)
    refused: list[Fated] = field(default_factory=list)

    def note(self, fated: Fated) -> None:
        letter = fated.letter
        self.groups[letter.edge, letter.node, letter.reason, fated.fate] += 1
        if fated.fate == "refused" and len(self.refused) < SHOWN:
            self.refused.append(fated)


def redrive(graph: Graph, kafka: Kafka, choice: Choice, limit: int | None, dry_run: bool) -> Outcome:
    """Send the chosen letters back, at most `limit` of them, oldest first; or tell what would become of them.

    Raises:
        ServiceUnavailable: Kafka does not answer or refuses, or another redriver has taken over.
    """
    pipeline, outcome = graph.pipeline.name, Outcome(dry_run)
    with refusals.told("send dead letters back"):
        reader = LettersReader(kafka, pipeline)
        for edge in choice.of(graph):
            reader.first(edge.dead_letter_topic)  # or a writer would wait for brokers that are away for ever
        writer = None if dry_run else TransactionalWriter(kafka, naming.redriver(pipeline))
        known = RedrivenReader(kafka, naming.redriven_topic(pipeline))
        marks = known.read()
        for edge in choice.of(graph):
            left = None if limit is None else limit - _sent(outcome)
            fates = _fates(reader, edge, choice, set(marks.letters), left)
            sender = _Sender(writer, edge, pipeline, dict(marks.counts.get(edge.producer, {}))) if writer else None
            for few in fates:
                for fated in few:
                    outcome.note(fated)
                if sender is not None:
                    sender.send([fated for fated in few if fated.fate == "sent"])
            if sender is not None:
                sender.forget(_gone(marks.letters, edge.producer, reader.first(edge.dead_letter_topic)))
        known.close()
        reader.close()
        if writer is not None:
            writer.close()
    return outcome


def _fates(
    reader: LettersReader, edge: Edge, choice: Choice, done: set[str], limit: int | None
) -> Iterator[list[Fated]]:
    """The chosen letters of an edge, a few at a time; at most `limit` that are to be sent."""
    judge, left = _Judge(edge, done), limit
    chosen = (letter for letter in reader.read(edge.producer, edge.dead_letter_topic, choice.since))
    for few in _few(letter for letter in chosen if choice.takes(letter)):
        if left is not None and left <= 0:
            return
        fates = judge(few)
        if left is not None:
            fates = list(_up_to(fates, left))
            left -= sum(fated.fate == "sent" for fated in fates)
        yield fates


class _Judge:
    """What is to become of letters of one edge."""

    def __init__(self, edge: Edge, done: set[str]) -> None:
        self._edge = edge
        self._done = done
        self._decoder = Decoder(edge.contract)

    def __call__(self, letters: list[Letter]) -> list[Fated]:
        decoded = self._decoder.decode([letter.value for letter in letters])
        again = {one.index: (str(one.reason), one.detail) for one in decoded.rejected}
        accepted = range(len(letters)) if decoded.accepted is None else decoded.accepted
        keys = dict(zip(accepted, encode.keys(decoded.frame, self._edge.contract), strict=True))
        return [self._fate(letter, again.get(index), keys.get(index)) for index, letter in enumerate(letters)]

    def _fate(self, letter: Letter, again: tuple[str, str] | None, key: bytes | None) -> Fated:
        if letter.mark in self._done:
            return Fated(letter, "already")
        if letter.node not in (self._edge.producer, *self._edge.consumers):
            return _stays(letter, Reason.UNKNOWN_REFERENCE, f"{letter.node} does not read this any more")
        if letter.cut_from is not None:
            return _stays(letter, Reason.TOO_LARGE, f"only the beginning of its {letter.cut_from} bytes is kept")
        if again is not None:
            return _stays(letter, *again)
        return Fated(letter, "sent", key if letter.key is None else letter.key)


def _stays(letter: Letter, reason: str, detail: str) -> Fated:
    return Fated(letter, "refused", why=(str(reason), detail))


class _Sender:
    """Sends letters of one edge; holds the counts of it."""

    def __init__(self, writer: TransactionalWriter, edge: Edge, pipeline: str, counts: dict[str, int]) -> None:
        self._writer = writer
        self._edge = edge
        self._topic = naming.redriven_topic(pipeline)
        self._counts = counts

    def send(self, fates: list[Fated]) -> None:
        if not fates:
            return
        records = [(fated.letter.value, fated.key, self._history(fated.letter)) for fated in fates]
        counts = dict(Counter(self._counts) + Counter(history.reader for _, _, history in records))
        at = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
        entries: list[tuple[bytes, bytes | None]] = [
            *((redriven.letter_key(fated.letter.mark), at) for fated in fates),
            (redriven.count_key(self._edge.producer), json.dumps(counts).encode()),
        ]
        self._in_one(records, entries)
        self._counts = counts

    def forget(self, marks: list[str]) -> None:
        """Take away the marks of letters that are gone."""
        if marks:
            self._in_one([], [(redriven.letter_key(mark), None) for mark in marks])

    def _history(self, letter: Letter) -> History:
        return History(
            reader=TO_ALL if letter.node == self._edge.producer else letter.node,
            redriven=letter.history.redriven + 1,
            origin=letter.history.origin or letter.position,
        )

    def _in_one(
        self, records: list[tuple[bytes | None, bytes | None, History]], entries: list[tuple[bytes, bytes | None]]
    ) -> None:
        keys, values = [key for key, _ in entries], [value for _, value in entries]
        for left in reversed(range(TRIES)):
            try:
                with self._writer.transaction():
                    self._writer.write_again(self._edge.topic, records)
                    self._writer.write(self._topic, values, keys)
            except BeginAgain:
                if not left:
                    raise
                time.sleep(PAUSE)
            else:
                return


def _few(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    few: list[Letter] = []
    held = 0
    for letter in letters:
        few.append(letter)
        held += len(letter.value or b"")
        if len(few) == AT_ONCE or held > BYTES_AT_ONCE:
            yield few
            few, held = [], 0
    if few:
        yield few


def _up_to(fates: Iterable[Fated], limit: int) -> Iterator[Fated]:
    for fated in fates:
        if fated.fate == "sent":
            if not limit:
                return
            limit -= 1
        yield fated


def _sent(outcome: Outcome) -> int:
    return sum(number for (*_, fate), number in outcome.groups.items() if fate == "sent")


def _gone(marks: Iterable[str], edge: str, first: int) -> list[str]:
    return [mark for mark in marks if mark.split("/")[0] == edge and int(mark.split("/")[1]) < first]
