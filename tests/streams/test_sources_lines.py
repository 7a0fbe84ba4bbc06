"""A file of records beside the document: every line as it is, whatever it is."""

import json
import os
import resource
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesoscale.errors import DocumentRefused, Reason
from mesoscale.model.source import Source as Section
from mesoscale_streams.sources import Source, lines, open_source

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def source(folder: Path, name: str = "in.ndjson", **replay: Any) -> Source:
    section = Section.model_validate({"name": "a", "contract": "c", "replay": {"file": name, **replay}})
    return open_source(section, folder, NOW, event_time="at")


def everything(of: Source, position: dict[str, Any] | None = None, max_records: int = 100) -> list[bytes]:
    return [value for batch in of.batches(position, max_records) for value in batch.values]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b'{"a":1}\n', [b'{"a":1}']),
        (b'{"a":1}', [b'{"a":1}']),
        (b'{"a":1}\r\n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}']),
        (b'{"a":\n1}\n', [b'{"a":', b"1}"]),
        (b"\n\nnull\n", [b"", b"", b"null"]),
        ("é\n".encode("latin-1"), [b"\xe9"]),
        ("é\n".encode("utf-16"), [b"\xff\xfe\xe9\x00", b"\x00"]),
        (b"\x00\xff\n\x80", [b"\x00\xff", b"\x80"]),
        (b"a\rb\n", [b"a\rb"]),
    ],
)
def test_every_line_is_a_record_as_it_is(tmp_path: Path, content: bytes, expected: list[bytes]) -> None:
    (tmp_path / "in.ndjson").write_bytes(content)
    assert everything(source(tmp_path)) == expected


@given(
    rows=st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"").rstrip(b"\r")), max_size=30),
    ending=st.sampled_from([b"\n", b"\r\n"]),
    stops=st.integers(0, 30),
    size=st.integers(1, 7),
)
def test_going_on_from_any_position_gives_exactly_the_rest(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], ending: bytes, stops: int, size: int
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    (folder / "in.ndjson").write_bytes(b"".join(row + ending for row in rows))
    seen: list[bytes] = []
    position: dict[str, Any] | None = None
    for batch in source(folder).batches(None, size):
        if len(seen) >= stops:
            break
        seen += batch.values
        position = json.loads(json.dumps(batch.position))
        assert position["line"] == len(seen)
    assert seen + everything(source(folder), position) == rows


def test_five_megabyte_lines_pass_and_their_batches_stay_small(tmp_path: Path) -> None:
    big = b'{"a":"' + b"x" * 5_000_000 + b'"}'
    (tmp_path / "in.ndjson").write_bytes((big + b"\n") * 12)
    batches = list(source(tmp_path).batches(None, 10_000))
    assert [value for batch in batches for value in batch.values] == [big] * 12
    assert max(sum(map(len, batch.values)) for batch in batches) <= lines.MAX_BATCH


def test_a_line_without_end_takes_no_more_memory_than_the_longest_one(tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b"first\n")
    os.truncate(path, 600_000_000)  # a sparse file: 600 megabytes of zero bytes in one line
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values = everything(source(tmp_path))
    assert [len(value) for value in values] == [5, lines.MAX_LINE]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 6 * lines.MAX_LINE


def test_what_is_appended_after_opening_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b"1\n2\n3\n")
    batches = source(tmp_path).batches(None, 1)
    values = next(batches).values
    with path.open("ab") as file:
        file.write(b"4\n5\n")
    values += [value for batch in batches for value in batch.values]
    assert values == [b"1", b"2", b"3"]


def test_lines_are_due_by_their_event_time(tmp_path: Path) -> None:
    at = [
        '{"at": "2024-01-01T00:00:00Z"}',
        "not json",
        '{"at": "2024-01-01T00:00:10Z"}',
        '{"at": 7}',
        "[]",
        '{"at": "2024-01-01T00:00:05Z"}',  # steps back: due with the line before it
        '{"at": "2024-01-01T01:00:20+01:00"}',
    ]
    (tmp_path / "in.ndjson").write_text("\n".join(at))
    batches = list(source(tmp_path, speed=10).batches(None, 100))
    assert [(len(batch.values), batch.due) for batch in batches] == [(2, 0.0), (4, 1.0), (1, 2.0)]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
def test_a_file_outside_the_folder_of_the_document_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    with pytest.raises(DocumentRefused, match="does not lie in the folder"):
        source(folder, name)


def test_a_file_that_is_not_there_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "weather.ndjson").write_text("")
    with pytest.raises(DocumentRefused) as caught:
        source(tmp_path, "wether.ndjson")
    (problem,) = caught.value.problems
    assert problem.reason == Reason.INVALID_VALUE
    assert problem.hint == 'did you mean "weather.ndjson"?'


def test_a_file_that_has_become_shorter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_bytes(b"1\n")
    with pytest.raises(DocumentRefused, match="has 2 bytes, but 500 were read before"):
        everything(source(tmp_path), {"offset": 500, "line": 9})
