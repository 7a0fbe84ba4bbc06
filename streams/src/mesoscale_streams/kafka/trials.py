"""Sees a stage through records that end its program: notes what is with the step, and cuts batches that need care.

The notes are offsets of a group of their own, with what `trial.Note` says beside them. They are no part of a
transaction: one that is lost makes the next program careful a little later.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka import clients, offsets
from mesoscale_streams.kafka.reader import TopicBatch
from mesoscale_streams.trial import NO_CARE, Care, Note, Piece, cut, judge
from mesoscale_streams.work import BeginAgain, Inlet, Work

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds for one answer
PAUSE = 0.2  # seconds before the brokers are asked again
LATER = (  # nobody knows yet who keeps the group's offsets
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError._WAIT_COORD,
    KafkaError._TRANSPORT,
)
CONDEMNED = "the program ended each time the step had this record alone: it hung, took all memory, or crashed"


class Trials:
    """Those of one process; holds one connection."""

    def __init__(self, kafka: Kafka, group: str, topic: str) -> None:
        self._topic = topic
        self._care: dict[int, Care] = {}
        self._fresh: set[int] = set()  # partitions of which the step has seen nothing yet
        self._mine: dict[int, int] = {}  # partition → where this program has made its last note
        self._consumer = Consumer({**clients.settings(kafka, group), "group.id": group, "enable.auto.commit": False})

    def restore(self, partitions: Sequence[int], positions: dict[int, int]) -> None:
        """Learn how programs before this one ended; `positions` are where the partitions are gone on with."""
        for entry in self._committed(partitions):
            position = positions.get(entry.partition, 0)
            note = Note.decode(entry.metadata) if entry.offset >= 0 else None
            if self._mine.get(entry.partition) == entry.offset:
                note = None  # we have not ended, so nothing did it
            self._care[entry.partition] = care = judge(note, entry.offset, position)
            if care is not NO_CARE:
                log.warning(
                    "the program ended while the step had records; going on with care",
                    extra={
                        "partition": entry.partition,
                        "position": position,
                        "careful_to": care.end,
                        "note": str(note),
                    },
                )
        self._fresh |= set(partitions)

    def cut(self, batch: TopicBatch) -> list[TopicBatch]:
        """The batch, or its pieces where care is needed: those of one partition after the other, then the rest."""
        careful = {partition: self._care.get(partition, NO_CARE) for partition in batch.ends}
        if all(care is NO_CARE for care in careful.values()):
            return [batch]
        pieces: list[TopicBatch] = []
        rest = np.ones(len(batch.messages), np.bool_)
        begins = dict(batch.begins)
        for partition, care in careful.items():
            of_it = np.flatnonzero(batch.partitions == partition)
            at = [batch.messages[index].offset() or 0 for index in of_it]
            for piece in cut(at, care):
                chosen, last = of_it[piece.first : piece.last], piece.last == len(at)
                end = batch.ends[partition] if last else at[piece.last - 1] + 1
                pieces.append(_piece(batch, chosen, {partition: begins[partition]}, {partition: end}, piece))
                rest[chosen], begins[partition] = False, end
        left = {partition: end for partition, end in batch.ends.items() if begins[partition] < end}
        if left:
            chosen = np.flatnonzero(rest)
            pieces.append(_piece(batch, chosen, {partition: begins[partition] for partition in left}, left))
        return pieces

    @contextmanager
    def noted(self, batch: TopicBatch) -> Iterator[None]:
        """Note that the step has the batch, and afterwards that it has given it back, where that is worth while.

        Raises:
            BeginAgain: the brokers do not take the note.
        """
        partitions = [
            partition
            for partition, end in batch.ends.items()
            if partition in self._fresh or batch.begins[partition] < self._care.get(partition, NO_CARE).end
        ]
        if not partitions or batch.condemned:
            yield
        else:
            self._note(batch, partitions, given_back=False)
            try:
                yield
            finally:  # one that raises gives them back as well: it is broken as a whole, and no record is suspected
                self._note(batch, partitions, given_back=True)
        self._fresh -= set(batch.ends)
        for partition, end in batch.ends.items():
            care = self._care.get(partition, NO_CARE)
            self._care[partition] = NO_CARE if end >= care.end else replace(care, condemned=None)

    def close(self) -> None:
        self._consumer.close()

    def _committed(self, partitions: Sequence[int]) -> list[TopicPartition]:
        """The notes; nobody is a member of the group, so its coordinator may have to be found first."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return offsets.committed(self._consumer, self._topic, partitions, TIMEOUT)
            except KafkaException as error:
                if error.args[0].code() not in LATER or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _note(self, batch: TopicBatch, partitions: Sequence[int], given_back: bool) -> None:
        notes = []
        for partition in partitions:
            care = self._care.get(partition, NO_CARE)
            note = Note(len(batch.messages), batch.ends[partition], given_back, care.coarse, care.fine)
            notes.append(TopicPartition(self._topic, partition, batch.begins[partition], metadata=note.encode()))
        self._mine |= {note.partition: note.offset for note in notes}
        try:
            self._consumer.commit(offsets=notes, asynchronous=False)
        except KafkaException as error:
            raise BeginAgain(
                error.args[0].name(), f"what the step has cannot be noted: {error.args[0].str()}"
            ) from error


class CarefulReader:
    """An inlet that gives its batches in the pieces that trials ask for."""

    def __init__(self, inlet: Inlet, trials: Trials) -> None:
        self._inlet = inlet
        self._trials = trials
        self._pieces: list[TopicBatch] = []
        self.ended = False

    @property
    def ready(self) -> bool:
        return self._inlet.ready

    def read(self) -> TopicBatch | None:
        """No rebalance is answered between the pieces of a batch, so none of them belongs to somebody else by then."""
        if not self._pieces:
            batch: Any = self._inlet.read()
            self._pieces = self._trials.cut(batch) if batch is not None else []
        return self._pieces.pop(0) if self._pieces else None

    def rewind(self) -> None:
        self._pieces.clear()
        self._inlet.rewind()

    def close(self) -> None:
        self._inlet.close()
        self._trials.close()


def noting(process: Callable[[Any], Work], trials: Trials) -> Callable[[Any], Work]:
    """A process that notes what it is about to do."""

    def noted(batch: TopicBatch) -> Work:
        with trials.noted(batch):
            return process(batch)

    return noted


def _piece(
    batch: TopicBatch,
    chosen: np.ndarray[Any, np.dtype[np.intp]],
    begins: dict[int, int],
    ends: dict[int, int],
    piece: Piece | None = None,
) -> TopicBatch:
    return replace(
        batch,
        messages=[batch.messages[index] for index in chosen],
        partitions=batch.partitions[chosen],
        begins=begins,
        ends=ends,
        condemned=CONDEMNED if piece is not None and piece.condemned else "",
    )
