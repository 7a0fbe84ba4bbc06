"""Logs as one JSON object a line, each with the pipeline and the node that speaks."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from mesoscale.errors import MesoscaleError

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """What is given as `extra=` (partition, offset, ...) becomes fields of the line."""

    def __init__(self, **always: Any) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._always,
            "message": record.getMessage(),
            **{key: value for key, value in record.__dict__.items() if key not in _OWN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(pipeline: str | None, node: str, instance: int) -> None:
    """Send everything at level info and above to standard error. `node` may be a program that is no node."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(pipeline=pipeline, stage=node, instance=instance))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def problems(error: MesoscaleError) -> dict[str, list[dict[str, str]]]:
    """The error's problems as a field of a line, for whoever started the program and reads on."""
    told = [
        {"reason": one.reason, "message": str(one).partition("\n\n")[0], "hint": one.hint} for one in error.problems
    ]
    return {"problems": told}
