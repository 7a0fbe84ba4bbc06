"""Batch → Work: the contract, the step, and who is to blame for what could not be done."""

from collections.abc import Sequence
from typing import TypeVar, cast

import polars as pl

from mesoscale.contract.types import Contract
from mesoscale.errors import Reason
from mesoscale.ledger import Counts
from mesoscale_streams.deadletter import DeadLetter
from mesoscale_streams.records import encode
from mesoscale_streams.records.checks import Checks
from mesoscale_streams.records.decode import Decoded, Decoder, Rejected
from mesoscale_streams.stages.forward import forward
from mesoscale_streams.stages.step import Step, StepResult, run
from mesoscale_streams.work import Batch, Work

T = TypeVar("T")


class Process:
    """What one node does with every batch."""

    def __init__(self, node: str, incoming: Contract, outgoing: Contract | None, step: Step) -> None:
        """Args:
        node: who signs dead letters.
        incoming: the contract of what is read.
        outgoing: the contract of what is written to a topic; None where no topic follows.
        step: what turns the one into the other.
        """
        self._node = node
        self._incoming = incoming
        self._outgoing = outgoing
        self._step = step
        self._same = step is forward and outgoing in (None, incoming)
        self._decoder = Decoder(incoming)
        self._checks = Checks(outgoing or incoming)

    def __call__(self, batch: Batch) -> Work:
        decoded = self._decoder.decode(batch.values)
        result = StepResult(decoded.frame, []) if self._same else run(self._step, decoded.frame, self._checks)
        rejected = [*decoded.rejected, *_failed(decoded, result.failures)]
        values, keys = self._records(batch, decoded, result.frame) if self._outgoing else (None, None)
        produced = result.frame.height
        return Work(
            batch=batch,
            frame=result.frame,
            rows=decoded.accepted,
            values=values,
            keys=keys,
            letters=[self.letter(batch, one) for one in rejected],
            counts=_counts(batch, [one.index for one in rejected], produced),
        )

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


def _failed(decoded: Decoded, failures: Sequence[tuple[int, str]]) -> list[Rejected]:
    """Rows of the frame that the step could not do, as records of the batch."""
    return [
        Rejected(row if decoded.accepted is None else decoded.accepted[row], Reason.STEP_FAILED, detail)
        for row, detail in failures
    ]


def _counts(batch: Batch, rejected: Sequence[int], produced: int) -> dict[int, Counts]:
    """The ledger's entries by input partition; what a step produced has no partition, so it stands with the first."""
    read, refused = batch.spread(None), batch.spread(rejected) if rejected else {}
    counts = {
        partition: Counts(read=number, accepted=number - refused.get(partition, 0), rejected=refused.get(partition, 0))
        for partition, number in read.items()
    }
    first = min(counts)
    counts[first] += Counts(produced=produced)
    return counts
