"""Rows of one partition in a local file, so that a restart does not read the whole changelog again.

A snapshot is a shortcut and nothing more: one that is torn, of another changelog, or not followed by the very next
change is not used. It is written beside its place and renamed, and ends with a checksum of all that is before.

    header (one line of JSON) | for each record its length (4 bytes) and its bytes | CRC-32 (4)
"""

import json
import logging
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mesoscale_streams.state import log
from mesoscale_streams.state.log import Log, Restoring
from mesoscale_streams.state.record import VERSION
from mesoscale_streams.state.table import StateTable

logger = logging.getLogger(__name__)

_NUMBER = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Moment:
    """What a snapshot is of.

    `changelog` names the topic so that one that was made anew is another; `offset` is where reading it goes on; the
    other two are those of `Log`.
    """

    layout: str
    changelog: str
    offset: int
    number: int
    deltas: dict[int, int]


class Snapshots:
    """The snapshots of one stage in a folder of its own, one file a partition."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, table: StateTable, at: Log, changelog: str, offset: int) -> None:
        """Keep the rows as they are, of which all is committed, and reading the changelog goes on at `offset`.

        Raises:
            OSError: the disk does not take it; the snapshot before stays.
        """
        moment = Moment(at.layout, changelog, offset, at.number, at.deltas)
        # One name for each partition: what a kill leaves half written is written over by the next.
        unfinished = self._folder / f"{at.partition}.part"
        with unfinished.open("wb") as file:
            checksum = 0
            for part in _parts(moment, table, at.partition):
                file.write(part)
                checksum = zlib.crc32(part, checksum)
            file.write(_NUMBER.pack(checksum))
        unfinished.replace(self._file(at.partition))

    def read(self, reading: Restoring, changelog: str) -> int | None:
        """Lay the rows of the snapshot, and say where reading the changelog goes on; None if there is none to use."""
        content = self._whole(self._file(reading.partition))
        if content is None:
            return None
        header, _, rest = content.partition(b"\n")
        found = json.loads(header)
        if found.pop("format", None) != VERSION:
            return None
        moment = Moment(**found | {"deltas": {int(number): parts for number, parts in found["deltas"].items()}})
        if (moment.layout, moment.changelog) != (reading.layout, changelog):
            logger.info("a snapshot of another state is not used", extra={"partition": reading.partition})
            return None
        reading.begin_at(moment.deltas, moment.number)
        for value in _values(rest):
            reading.lay(value)
        return moment.offset

    def forget(self, partition: int) -> None:
        """Take the snapshot away."""
        self._file(partition).unlink(missing_ok=True)

    def _file(self, partition: int) -> Path:
        return self._folder / f"{partition}.snapshot"

    def _whole(self, file: Path) -> bytes | None:
        """What stands before the checksum, if that is right."""
        if not file.exists():
            return None
        content = file.read_bytes()
        end = len(content) - _NUMBER.size
        if end <= 0 or _NUMBER.unpack_from(content, end)[0] != zlib.crc32(content[:end]):
            logger.warning("a torn snapshot is not used", extra={"file": str(file)})
            return None
        return content[:end]


def _parts(moment: Moment, table: StateTable, partition: int) -> Iterator[bytes]:
    yield json.dumps({"format": VERSION} | asdict(moment)).encode() + b"\n"
    for block in log.whole(table, partition):
        for value in block.encode(moment.layout):
            yield _NUMBER.pack(len(value)) + value


def _values(content: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        [length] = _NUMBER.unpack_from(content, start)
        start += _NUMBER.size + length
        yield content[start - length : start]
