"""`python sabotage.py FAULT run NODE …`: the streams' program with one fault put into it. Only tests start it.

A fault is a death, by kill -9 from its own hand, at a chosen moment (mostly of the third batch): of the program as it
is, or of one that commits in a wrong order. The latter show that a test which counts records would see such a program.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from mesoscale_streams import __main__ as program
from mesoscale_streams.kafka import partly, reader, retrying
from mesoscale_streams.kafka.letterbox import LetterBox
from mesoscale_streams.kafka.outlet import TopicOutlet
from mesoscale_streams.kafka.topics import Topics
from mesoscale_streams.kafka.writer import TransactionalWriter
from mesoscale_streams.letters import redrive
from mesoscale_streams.sinks import catalogue
from mesoscale_streams.sinks.answers import Answer
from mesoscale_streams.sinks.postgres import TableOutlet
from mesoscale_streams.sinks.receiver import Receiver
from mesoscale_streams.stage_state import StageState
from mesoscale_streams.work import Work

BATCH = 100  # records
FATAL = 3  # the batch of the death

calls = 0


def die_in_third() -> None:
    """The third call of it does not return."""
    global calls
    calls += 1
    if calls == FATAL:
        os.kill(os.getpid(), signal.SIGKILL)


def stage_before_commit() -> None:
    """Records, letters and offsets are sent, the transaction is open."""
    write_offsets = TransactionalWriter.write_offsets

    def then_die(self: TransactionalWriter, offsets: Any, metadata: Any) -> None:
        write_offsets(self, offsets, metadata)
        die_in_third()

    TransactionalWriter.write_offsets = then_die  # type: ignore[method-assign]


def stage_after_commit() -> None:
    """The transaction is committed, and the program does not know."""
    write = TopicOutlet.write

    def then_die(self: TopicOutlet, work: Work) -> None:
        write(self, work)
        die_in_third()

    TopicOutlet.write = then_die  # type: ignore[method-assign]


def sink_before_commit() -> None:
    """The rows are copied and the positions moved, the transaction is open."""
    move = TableOutlet._move_positions

    def then_die(self: TableOutlet, connection: Any, work: Work) -> None:
        move(self, connection, work)
        die_in_third()

    TableOutlet._move_positions = then_die  # type: ignore[method-assign]


def sink_after_commit() -> None:
    """The database has committed, and the program does not know."""
    make_safe = TableOutlet._make_safe

    def then_die(self: TableOutlet, work: Work, stream: bytes, metadata: Any) -> Any:
        done = make_safe(self, work, stream, metadata)
        die_in_third()
        return done

    TableOutlet._make_safe = then_die  # type: ignore[method-assign]


def sink_after_telling() -> None:
    """The dead letters are told, the rows not committed."""
    tell = LetterBox.tell

    def then_die(self: LetterBox, *arguments: Any) -> None:
        tell(self, *arguments)
        die_in_third()

    LetterBox.tell = then_die  # type: ignore[method-assign]


def redrive_before_commit() -> None:
    """Records, marks and counts are sent, the transaction is open."""
    redrive.AT_ONCE = 1
    write = TransactionalWriter.write

    def then_die(self: TransactionalWriter, *arguments: Any) -> None:
        write(self, *arguments)
        die_in_third()

    TransactionalWriter.write = then_die  # type: ignore[method-assign]


def redrive_after_commit() -> None:
    """Two letters are sent, and the program does not know of the third."""
    redrive.AT_ONCE = 1
    send = redrive._Sender.send

    def then_die(self: Any, fates: Any) -> None:
        send(self, fates)
        if fates:
            die_in_third()

    redrive._Sender.send = then_die  # type: ignore[method-assign]


def redrive_slowly() -> None:
    """No death: a letter a time, and a rest after each, so that another redriver comes in between."""
    redrive.AT_ONCE = 1
    send = redrive._Sender.send

    def then_rest(self: Any, fates: Any) -> None:
        send(self, fates)
        time.sleep(1)

    redrive._Sender.send = then_rest  # type: ignore[method-assign]


def retrier_before_commit() -> None:
    """Records are sent back and the offsets of the retry topic moved, the transaction is open."""
    retrying.AT_ONCE = 5
    again = TransactionalWriter.write_again

    def then_die(self: TransactionalWriter, *arguments: Any) -> None:
        again(self, *arguments)
        die_in_third()

    TransactionalWriter.write_again = then_die  # type: ignore[method-assign]


def retrier_after_commit() -> None:
    """Records are sent back, and the program does not know."""
    retrying.AT_ONCE = 5
    again, offsets = TransactionalWriter.write_again, TransactionalWriter.transaction
    sent: list[bool] = []

    def note(self: TransactionalWriter, *arguments: Any) -> None:
        sent.append(True)
        again(self, *arguments)

    @contextmanager
    def then_die(self: TransactionalWriter) -> Any:
        with offsets(self):
            yield
        if sent:
            sent.clear()
            die_in_third()

    TransactionalWriter.write_again = note  # type: ignore[method-assign]
    TransactionalWriter.transaction = then_die  # type: ignore[method-assign]


def waiting_before_commit() -> None:
    """Records are put aside to be tried again, the transaction is open."""
    waiting = TransactionalWriter.write_waiting

    def then_die(self: TransactionalWriter, topic: str, records: Any) -> None:
        waiting(self, topic, records)
        if records:
            die_in_third()

    TransactionalWriter.write_waiting = then_die  # type: ignore[method-assign]


def call_before_commit() -> None:
    """A few records are delivered, the transaction that says so is open."""
    reader.MOST_RECORDS = reader.CHUNK = 10
    write_letters = TransactionalWriter.write_letters

    def then_die(self: TransactionalWriter, topic: str, letters: Any) -> None:
        write_letters(self, topic, letters)
        die_in_third()

    TransactionalWriter.write_letters = then_die  # type: ignore[method-assign]


def call_after_commit() -> None:
    """The same, and the transaction is committed."""
    reader.MOST_RECORDS = reader.CHUNK = 10
    stage_after_commit()


def call_waiting_before_commit() -> None:
    """Records are put aside to be sent again, the transaction is open."""
    reader.MOST_RECORDS = reader.CHUNK = 10
    waiting_before_commit()


def held_briefly() -> None:
    """No death: what is left of a batch after a moment is read anew."""
    partly.HELD = 1.0


def wrong_call_after_commit() -> None:
    """A wrong order: records count as delivered before they are sent."""
    reader.MOST_RECORDS = reader.CHUNK = 10
    write, send, later = TopicOutlet.write, Receiver.send, []

    def no_call(self: Receiver, calls: Any, stop: Any, told: Any) -> Any:
        later.append(lambda: send(self, calls, stop, told))
        return [Answer(200, "") for _ in calls]

    def then_call(self: TopicOutlet, work: Work) -> None:
        write(self, work)
        die_in_third()
        later.pop()()

    Receiver.send, TopicOutlet.write = no_call, then_call  # type: ignore[method-assign]


def wrong_stage_offsets_first() -> None:
    """A wrong order: what was read counts as done before its outputs are written."""
    _in_two_transactions(offsets_first=True)


def wrong_stage_outputs_first() -> None:
    """A wrong order: outputs are visible before what they came from counts as done."""
    _in_two_transactions(offsets_first=False)


def _in_two_transactions(offsets_first: bool) -> None:
    def write(self: TopicOutlet, work: Work) -> None:
        def outputs() -> None:
            self._writer.write(self._topic, work.values or [], work.keys or [])

        steps: list[Callable[[], None]] = [lambda: self._mark(work), outputs]
        for number, step in enumerate(steps if offsets_first else reversed(steps)):
            if number == 1:
                die_in_third()
            with self._writer.transaction():
                step()
        self._advance(work)

    TopicOutlet.write = write  # type: ignore[method-assign]


def stage_begins_again() -> None:
    """The broker refuses every second transaction at its end, the first time it is tried."""
    write_offsets = TransactionalWriter.write_offsets
    refused: list[int] = []

    def then_refuse(self: TransactionalWriter, offsets: Any, metadata: Any) -> None:
        write_offsets(self, offsets, metadata)
        refused.append(1)
        if len(refused) % 2 == 0:
            raise KafkaException(KafkaError(KafkaError.INVALID_TXN_STATE, "as a test wants it"))

    TransactionalWriter.write_offsets = then_refuse  # type: ignore[method-assign]


def wrong_state_first() -> None:
    """A wrong order: what is remembered is committed before the outputs and offsets that belong to it."""

    def write(self: TopicOutlet, work: Work) -> None:
        send, later = TransactionalWriter.write_offsets, []
        TransactionalWriter.write_offsets = lambda _, *arguments: later.append(arguments)  # type: ignore
        with self._writer.transaction():
            self._mark(work)
        TransactionalWriter.write_offsets = send  # type: ignore[method-assign]
        die_in_third()
        with self._writer.transaction():
            self._writer.write(self._topic, work.values or [], work.keys or [])
            self._writer.write_offsets(*later[0])
        self._advance(work)

    TopicOutlet.write = write  # type: ignore[method-assign]


def unguarded() -> None:
    """Nobody looks whether state and offsets belong together."""
    StageState._committed = lambda self, reading: reading.number  # type: ignore[method-assign]


def wrong_state_first_unguarded() -> None:
    """Both."""
    unguarded()
    wrong_state_first()


def wrong_sink_positions_first() -> None:
    """A wrong order: positions move in a transaction of their own, before the rows."""
    move = TableOutlet._move_positions
    make_safe = TableOutlet._make_safe

    def then_rows(self: TableOutlet, work: Work, stream: bytes, metadata: Any) -> Any:
        with self._connect() as connection:
            move(self, connection, work)
        die_in_third()
        return make_safe(self, work, stream, metadata)

    TableOutlet._make_safe = then_rows  # type: ignore[method-assign]
    TableOutlet._move_positions = lambda self, connection, work: None  # type: ignore[method-assign]


def topics_half_made() -> None:
    """Three topics are made, others are not."""
    take = Topics._take

    def then_die(self: Topics, step: Any) -> None:
        take(self, step)
        die_in_third()

    Topics._take = then_die  # type: ignore[method-assign]


def schema_half_made() -> None:
    """All statements of the first table are run, and nothing is noted of it yet."""
    catalogue.note = lambda *_: os.kill(os.getpid(), signal.SIGKILL)


FAULTS = {
    fault.__name__.replace("_", "-"): fault
    for fault in (
        stage_before_commit,
        stage_after_commit,
        sink_before_commit,
        sink_after_commit,
        sink_after_telling,
        wrong_stage_offsets_first,
        wrong_stage_outputs_first,
        stage_begins_again,
        wrong_state_first,
        wrong_state_first_unguarded,
        unguarded,
        wrong_sink_positions_first,
        redrive_before_commit,
        redrive_after_commit,
        redrive_slowly,
        retrier_before_commit,
        retrier_after_commit,
        waiting_before_commit,
        call_before_commit,
        call_after_commit,
        call_waiting_before_commit,
        held_briefly,
        wrong_call_after_commit,
        topics_half_made,
        schema_half_made,
    )
}

if __name__ == "__main__":
    reader.MOST_RECORDS = reader.CHUNK = BATCH
    FAULTS[sys.argv[1]]()
    sys.exit(program.main(sys.argv[2:]))
