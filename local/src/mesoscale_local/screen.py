"""Live progress on standard error: a table that is drawn again on a terminal, a line now and then elsewhere."""

import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from mesoscale_local import report

EVERY = 5.0  # seconds between two lines where nobody watches


class Screen:
    """Takes statuses and sentences and shows them. Nothing else may write to the stream meanwhile."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._drawn = 0
        self._told: set[str] = set()
        self._began = time.monotonic()
        self._last_line = self._began - EVERY + 1  # the first one comes after a second

    def say(self, text: str) -> None:
        """A sentence that stays."""
        self._erase()
        print(text, file=self._stream, flush=True)

    def show(self, status: Mapping[str, Any]) -> None:
        if self._live:
            self._draw(report.progress(status) + report.crashes(status))
            return
        for crash in report.crashes(status):
            if crash not in self._told:
                self._told.add(crash)
                print(crash, file=self._stream, flush=True)
        if time.monotonic() - self._last_line >= EVERY:
            self._last_line = time.monotonic()
            print(report.line(status, self._last_line - self._began), file=self._stream, flush=True)

    def finish(self) -> None:
        """Leave what is drawn where it is; what comes next goes below it."""
        self._drawn = 0

    def _draw(self, lines: list[str]) -> None:
        size = shutil.get_terminal_size()
        lines = [text[: size.columns - 1] for text in lines[: size.lines - 2]]
        self._erase()
        print(*lines, sep="\n", file=self._stream, flush=True)
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            print(f"\x1b[{self._drawn}F\x1b[J", end="", file=self._stream)
        self._drawn = 0
