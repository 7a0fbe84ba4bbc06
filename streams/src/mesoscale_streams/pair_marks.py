"""Watermarks of two topics that are read together: by lane, and to who keeps state, by partition."""

from collections.abc import Collection, Mapping

from mesoscale_streams.kafka import lanes
from mesoscale_streams.stages.watermarks import NEVER, Watermarks

WATERMARK = "watermark"  # beside the offset of a topic's partition


class PairMarks(Watermarks):
    """Whoever keeps state by partition assigns and revokes partitions, and keeps the watermarks of first topics; those
    of the topics beside them are read from, and kept beside, their own offsets."""

    def __init__(self, disorder: int, idle_after: float, kept: Mapping[int, Mapping[str, int]]) -> None:
        """Args:
        disorder: as for `Watermarks`.
        idle_after: as for `Watermarks`.
        kept: lane → what stands beside its offset.
        """
        super().__init__(disorder, idle_after)
        self._kept = kept

    def assign(self, marks: Mapping[int, int], now: float) -> None:
        besides = {lanes.both(partition)[1] for partition in marks}
        of_besides = {lane: self._kept.get(lane, {}).get(WATERMARK, NEVER) for lane in besides}
        super().assign({**marks, **of_besides}, now)

    def revoke(self, partitions: Collection[int]) -> None:
        super().revoke([lane for partition in partitions for lane in lanes.both(partition)])

    @property
    def marks(self) -> Mapping[int, int]:
        """By partition, those of first topics."""
        return {lane: mark for lane, mark in self._marks.items() if lane < lanes.BESIDE}

    def of(self, beside: bool) -> dict[int, int]:
        """By partition, those of one of the topics."""
        marks = self._marks.items()
        return {lanes.partition(lane): mark for lane, mark in marks if (lane >= lanes.BESIDE) == beside}

    def to_keep(self, ends: Collection[int]) -> dict[int, dict[str, int]]:
        """Lane → what is to stand beside its offset, of topics beside others that are in `ends` or have moved."""
        known = {lane: mark for lane, mark in self._marks.items() if lane >= lanes.BESIDE and mark > NEVER}
        current = {lane: {WATERMARK: mark} for lane, mark in known.items()}
        return {lane: mark for lane, mark in current.items() if lane in ends or mark != self._kept.get(lane)}
