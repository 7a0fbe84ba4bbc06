"""What a record has been through is told by its headers, and headers of others say nothing."""

import pytest

from mesoscale_streams import history
from mesoscale_streams.history import NONE, Header, History

WHOLE = History(reader="rows", redriven=2, origin="p.given/0/17", attempts=3)


def test_headers_tell_all_of_it_and_no_more() -> None:
    assert history.of(WHOLE.headers()) == WHOLE
    assert NONE.headers() == []
    assert [name for name, _ in History(redriven=1).headers()] == ["meso-redriven"]


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        {},
        [("traceparent", b"00-4bf92f-01")],
        [("meso-redriven", b"many"), ("meso-attempts", b"-1"), ("meso-delay-ms", None)],
        [("meso-redriven", b"9" * 40), ("meso-attempts", "²")],
        [("meso-for", b""), ("meso-origin", None)],
    ],
)
def test_what_others_write_counts_for_nothing(headers: list[Header] | None) -> None:
    assert history.of(headers) == NONE
    assert history.delay(headers) == 0


def test_bytes_that_are_no_text_name_no_node() -> None:
    assert history.of([("meso-for", b"\xff")]).reader not in ("", "rows")
