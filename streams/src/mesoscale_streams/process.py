"""Batch → Work: the contract, the step, and who is to blame for what could not be done."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TypeVar, cast

import polars as pl

from mesoscale.contract.types import Contract
from mesoscale.errors import Reason
from mesoscale.ledger import Counts
from mesoscale_streams.deadletter import DeadLetter
from mesoscale_streams.history import History
from mesoscale_streams.records import encode
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.decode import Decoded, Decoder, Rejected
from mesoscale_streams.records.schema import polars_schema
from mesoscale_streams.stages.forward import forward
from mesoscale_streams.stages.step import Step, StepResult, run
from mesoscale_streams.stages.waits import Waits
from mesoscale_streams.work import Batch, Waiting, Work

T = TypeVar("T")


class Process:
    """What one node does with every batch."""

    def __init__(
        self,
        node: str,
        incoming: Contract,
        outgoing: Contract | None,
        step: Step,
        waits: Waits | None = None,
        limit: AbstractContextManager[object] | None = None,
        blame: Reason = Reason.STEP_FAILED,
    ) -> None:
        """Args:
        node: who signs dead letters.
        incoming: the contract of what is read.
        outgoing: the contract of what is written to a topic; None where no topic follows.
        step: what turns the one into the other.
        waits: how long records wait that the step wants to have again; without them, it cannot have them again.
        limit: entered while the step has a batch.
        blame: the reason of a record that could not be done.
        """
        self._node = node
        self._incoming = incoming
        self._outgoing = outgoing
        self._step = step
        self._waits = waits
        self._limit = limit or nullcontext()
        self._blame = blame
        self._same = step is forward and outgoing in (None, incoming)
        self._decoder = Decoder(incoming)
        self._checks = Checks(outgoing or incoming)

    def __call__(self, batch: Batch) -> Work:
        decoded = self.decode(batch)
        return self.work(batch, decoded, self._run(decoded.frame, batch.condemned))

    def decode(self, batch: Batch) -> Decoded:
        """The records that keep their contract, as a frame, and those that do not."""
        return self._decoder.decode(batch.values)

    def work(self, batch: Batch, decoded: Decoded, result: StepResult) -> Work:
        """What became of the batch, whose frame came to this result."""
        waiting, in_vain = self._again(batch, decoded, result)
        rejected = [
            *decoded.rejected,
            *_failed(decoded, result.failures, Reason.STEP_DIED if batch.condemned else self._blame),
            *in_vain,
        ]
        values, keys = self._records(batch, decoded, result.frame) if self._outgoing else (None, None)
        produced = result.frame.height
        return Work(
            batch=batch,
            frame=result.frame,
            rows=decoded.accepted,
            values=values,
            keys=keys,
            letters=[self.letter(batch, one) for one in rejected],
            counts=_counts(batch, [one.index for one in rejected], [index for index, _ in waiting], produced),
            waiting=[one for _, one in waiting],
        )

    def _run(self, frame: pl.DataFrame, condemned: str) -> StepResult:
        if self._same:
            return StepResult(frame, [])
        if condemned:
            return StepResult(
                pl.DataFrame(schema=polars_schema(self._checks.contract)),
                [(row, condemned) for row in range(frame.height)],
            )
        with self._limit:
            return run(self._step, frame, self._checks)

    def _again(
        self, batch: Batch, decoded: Decoded, result: StepResult
    ) -> tuple[list[tuple[int, Waiting]], list[Rejected]]:
        """The records that the step wants to have again, and those that it has wanted too often."""
        waiting: list[tuple[int, Waiting]] = []
        in_vain: list[Rejected] = []
        for again in result.again:
            index = _index(decoded, again.row)
            history = batch.history(index)
            seconds = self._waits.before(history.attempts + 1, again.after) if self._waits else None
            if seconds is not None:
                waiting.append((index, self._waiting(batch, index, history, seconds)))
            elif self._waits:
                detail = f"tried {history.attempts + 1} times: {again.detail}"
                in_vain.append(Rejected(index, Reason.RETRIES_EXHAUSTED, detail))
            else:
                detail = f"Retry: {again.detail} (the stage has no `retries`)"
                in_vain.append(Rejected(index, Reason.STEP_FAILED, detail))
        return waiting, in_vain

    def _waiting(self, batch: Batch, index: int, history: History, seconds: float) -> Waiting:
        keys = batch.keys
        origin = history.origin or batch.position(index)
        next_time = replace(history, reader=self._node, origin=origin, attempts=history.attempts + 1)
        return Waiting(batch.values[index], keys[index] if keys is not None else None, next_time, seconds)

    def _records(
        self, batch: Batch, decoded: Decoded, frame: pl.DataFrame
    ) -> tuple[Sequence[bytes], Sequence[bytes | None]]:
        """The bytes to write. A step that gave its frame back as it was saves making them anew."""
        assert self._outgoing is not None
        if frame is not decoded.frame:
            return encode.encode(frame), encode.keys(frame, self._outgoing)
        values = cast("Sequence[bytes]", batch.values)  # a record without a value is never accepted
        return _chosen(values, decoded.accepted), self._keys(batch, decoded)

    def _keys(self, batch: Batch, decoded: Decoded) -> Sequence[bytes | None]:
        given = batch.keys
        if given is None or (not all(given) and None in given):  # `all` is quicker, but minds empty ones too
            return encode.keys(decoded.frame, self._incoming)
        return _chosen(given, decoded.accepted)

    def letter(self, batch: Batch, rejected: Rejected) -> DeadLetter:
        """The record that was rejected, as it goes to the dead letter topic."""
        keys = batch.keys
        return DeadLetter(
            value=batch.values[rejected.index],
            key=keys[rejected.index] if keys is not None else None,
            reason=rejected.reason,
            detail=rejected.detail,
            contract=self._incoming.label,
            node=self._node,
            position=batch.position(rejected.index),
            history=batch.history(rejected.index),
        )


def _chosen(values: Sequence[T], accepted: Sequence[int] | None) -> Sequence[T]:
    return values if accepted is None else [values[index] for index in accepted]


def _failed(decoded: Decoded, failures: Sequence[tuple[int, str]], reason: Reason) -> list[Rejected]:
    """Rows of the frame that the step could not do, as records of the batch."""
    return [Rejected(_index(decoded, row), reason, detail) for row, detail in failures]


def _index(decoded: Decoded, row: int) -> int:
    """Which record of the batch a row of the frame is."""
    return row if decoded.accepted is None else decoded.accepted[row]


def _counts(batch: Batch, rejected: Sequence[int], waiting: Sequence[int], produced: int) -> dict[int, Counts]:
    """The ledger's entries by input partition; what a step produced has no partition, so it stands with the first.

    A record that waits counts as read when it is done with: until then it is still between its producer and this node.
    """
    everything, refused = batch.spread(None), batch.spread(rejected) if rejected else {}
    later = batch.spread(waiting) if waiting else {}
    read = {partition: number - later.get(partition, 0) for partition, number in everything.items()}
    counts = {
        partition: Counts(read=number, accepted=number - refused.get(partition, 0), rejected=refused.get(partition, 0))
        for partition, number in read.items()
    }
    first = min(counts)
    counts[first] += Counts(produced=produced)
    return counts
