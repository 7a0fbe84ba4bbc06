"""Dead letters as the program tells them, and the ledger of a pipeline whose nodes a test has started."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
from fix_pipeline import Pipeline, until

from mesoscale import bindings
from mesoscale.ledger import Ledger
from mesoscale_streams import environment
from mesoscale_streams.ledger_reader import LedgerReader

SABOTAGE = Path(__file__).parent / "sabotage.py"


def dlq(here: Pipeline, *arguments: str, sabotage: str | None = None, document: str = "pipeline.yaml") -> Any:
    """What `dlq` answers as JSON; with a fault, how it died."""
    program = ["-m", "mesoscale_streams"] if sabotage is None else [str(SABOTAGE), sabotage]
    where = ["--document", document, "--bindings", "bindings", "--output", "json"]
    ended = subprocess.run(
        [sys.executable, *program, "dlq", *arguments, *where], cwd=here.folder, capture_output=True, timeout=120
    )
    if sabotage is not None:
        return ended.returncode
    assert ended.returncode == 0, ended.stderr.decode()
    return orjson.loads(ended.stdout)


def ledger(here: Pipeline) -> Ledger:
    reader = LedgerReader(
        environment.read_graph(here.folder / "pipeline.yaml"), bindings.Bindings(here.kafka, here.postgres)
    )
    try:
        return reader.read()
    finally:
        reader.close()


def settle(here: Pipeline) -> Ledger:
    """The ledger when all is worked off; it must be closed."""
    until(lambda: ledger(here).drained, "all is worked off")
    read = ledger(here)
    assert read.closed, read.problems
    return read
