"""Logs are read as they lie on disk: the last lines, what comes after, and across a roll-over."""

import threading
import time
from pathlib import Path

import pytest

from mesoscale_local import loglines

JSON = '{"time": "2013-01-01T08:31:04.120Z", "level": "info", "stage": "a", "message": "committed", "partition": 3}'


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (JSON, "08:31:04.120 info    committed partition=3"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ('{"other": "json"}', '{"other": "json"}'),
        ("[1, 2]", "[1, 2]"),
        ('{"message": "x", "exception": "ValueError: y"}', "         x\nValueError: y"),
    ],
)
def test_a_json_line_reads_like_a_log_and_any_other_as_it_is(line: str, text: str) -> None:
    assert loglines.for_people(line).lstrip() == text.lstrip()


def test_the_tail_reaches_into_the_older_file(tmp_path: Path) -> None:
    (tmp_path / "a.log.1").write_text("1\n2\n3\n")
    (tmp_path / "a.log").write_text("4\n")
    assert list(loglines.read({"a": tmp_path / "a.log"}, 3, follow=False)) == [
        ("a", "2"),
        ("a", "3"),
        ("a", "4"),
    ]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert list(loglines.read({"a": tmp_path / "a.log"}, 3, follow=False)) == []


def test_following_gives_whole_new_lines_and_goes_on_after_a_roll_over(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    lines = loglines.read({"a": path}, 1, follow=True)
    assert next(lines) == ("a", "old")

    def write() -> None:
        with path.open("a") as file:
            file.write("first\nhal")
            file.flush()
            time.sleep(3 * loglines.POLL)
            file.write("f\n")
        time.sleep(3 * loglines.POLL)
        with path.open("a") as file:
            file.write("last of the older\n")
        path.rename(tmp_path / "a.log.1")
        path.write_text("new\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert [next(lines) for _ in range(4)] == [
            ("a", "first"),
            ("a", "half"),
            ("a", "last of the older"),
            ("a", "new"),
        ]
    finally:
        writer.join()
