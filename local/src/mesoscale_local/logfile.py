"""A program's log on disk: what it prints, as it prints it, in one file and one older one."""

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LARGEST = 8 << 20  # bytes; then NAME.log becomes NAME.log.1 and a new one begins
TAIL_LINES = 20
LONGEST_LINE = 4096  # bytes of a line that the tail keeps


class LogFile:
    """Appends bytes to `path`, rolls over by size, and remembers the last lines for whoever asks why.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self._path = path
        self._largest = largest
        self._file: BinaryIO = path.open("ab")
        self._lines: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._unfinished = b""

    def write(self, data: bytes) -> None:
        # A full disk or a deleted folder must not stop the one who drains the program's pipe: the program would
        # hang on its next line. The driver notices both by itself and stops in order.
        with suppress(OSError):
            self._file.write(data)
            self._file.flush()
            if self._file.tell() >= self._largest:
                self._roll_over()
        *finished, self._unfinished = (self._unfinished + data).split(b"\n")
        self._unfinished = self._unfinished[-LONGEST_LINE:]
        self._lines.extend(line[-LONGEST_LINE:] for line in finished if line.strip())

    def tail(self) -> list[str]:
        """The last lines, oldest first."""
        unfinished = [self._unfinished] if self._unfinished.strip() else []
        return [line.decode("utf-8", "replace") for line in [*self._lines, *unfinished]]

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def _roll_over(self) -> None:
        self._file.close()
        self._path.replace(older(self._path))
        self._file = self._path.open("ab")


def older(path: Path) -> Path:
    """Where the log goes when it has grown too large."""
    return path.with_name(path.name + ".1")
