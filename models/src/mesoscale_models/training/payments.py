"""A history of payments: read from a file, or made by the program that makes them for a stream."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from mesoscale.errors import DocumentRefused, Problem, Reason, ServiceUnavailable, nearest
from mesoscale_models.fraud.features import READS
from mesoscale_models.training.leaks import LABEL

FORMATS = (".arrow", ".parquet", ".ndjson")
_IDENTITY = "transaction_id"


def read(path: Path) -> pl.DataFrame:
    """Payments in the order of arrival: the columns of contract `transaction` that training looks at.

    Raises:
        DocumentRefused: there is no such file, it is of no known format, or a column is missing.
    """
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".arrow": pl.read_ipc,
        ".parquet": pl.read_parquet,
        ".ndjson": pl.read_ndjson,
    }
    reader = readers.get(path.suffix)
    if reader is None:
        raise _refused(f"{path} is none of {', '.join(FORMATS)}")
    try:
        frame = reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _refused(f"{path} cannot be read: {error}") from error
    wanted = (_IDENTITY, *READS, LABEL)
    for name in wanted:
        if name not in frame.columns:
            raise _refused(f"{path} has no column {name}", nearest(name, frame.columns))
    if frame.schema["occurred_at"] == pl.String:
        frame = frame.with_columns(pl.col("occurred_at").str.to_datetime(time_zone="UTC", time_unit="us"))
    return frame.select(wanted)


def make(records: int, seed: int, arguments: Sequence[str]) -> pl.DataFrame:
    """Payments as a synthetic source makes them; `arguments` say which one (a document's, or its settings).

    The streams' own program makes them: what it draws is then what a stream will bring, and this room needs none of its
    code.

    Raises:
        ServiceUnavailable: it failed; what it said is part of the message.
    """
    with tempfile.TemporaryDirectory(prefix="meso-history-") as folder:
        path = Path(folder) / "history.arrow"
        program = [sys.executable, "-m", "mesoscale_streams", "payments", "--out", str(path)]
        program += ["--records", str(records), "--seed", str(seed), *arguments]
        done = subprocess.run(program, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == DocumentRefused.exit_code:
            raise _refused(*_last_words(done.stderr))
        if done.returncode:
            message, hint = _last_words(done.stderr)
            message = f"no history was made (exit code {done.returncode}): {message}"
            raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=hint))
        return read(path)


def _last_words(text: str) -> tuple[str, str]:
    """What a program of the streams said last, a line of JSON, and its hint."""
    lines = text.strip().splitlines() or ["it said nothing"]
    try:
        told = json.loads(lines[-1])
        problem = (told.get("problems") or [told])[0]
        return str(problem["message"]), str(problem.get("hint", ""))
    except (ValueError, KeyError, AttributeError):  # not a line of its log: an interpreter's last words
        return lines[-1], ""


def _refused(message: str, hint: str = "") -> DocumentRefused:
    return DocumentRefused(Problem(Reason.INVALID_VALUE, message, hint=hint))
