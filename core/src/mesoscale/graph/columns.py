"""Which columns a document names, and whether the contract of what arrives there has them.

CEL cannot ask this: it sees the document, and the shipped contracts stand elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mesoscale.contract.types import Column, Contract
from mesoscale.errors import nearest
from mesoscale.model.pipeline import Spec
from mesoscale.model.sink import Table

Path = tuple[str | int, ...]
INSTANTS = ("timestamp", "date")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A column that is named at `path` and is not there, or cannot be what it is named for."""

    path: Path
    message: str
    hint: str


def unknown(spec: Spec, shape: Mapping[str, Contract]) -> Iterator[Unknown]:
    """Every such column of table partitions, indexes and checks.

    Args:
        spec: what the pipeline is made of; what its sinks read from is in `shape`.
        shape: source or stage → the contract of what it produces.
    """
    for i, sink in enumerate(spec.sinks):
        if sink.table is not None:
            yield from _of_table(sink.table, ("spec", "sinks", i, "table"), shape[sink.from_])
    arrives = {sink.name: shape[sink.from_] for sink in spec.sinks}
    for i, check in enumerate(spec.checks):
        if check.column is not None and check.of in arrives:
            yield from _missing(("spec", "checks", i, "column"), check.column, arrives[check.of])


def _of_table(table: Table, path: Path, contract: Contract) -> Iterator[Unknown]:
    if table.partition_by is not None:
        column = table.partition_by.column
        yield from _missing(
            (*path, "partitionBy", "column"), column, contract, " that is a timestamp or date and never null", _cuts
        )
    for i, index in enumerate(table.indexes):
        for j, column in enumerate(index):
            yield from _missing((*path, "indexes", i, j), column, contract)


def _cuts(column: Column) -> bool:
    """Whether a table can be cut by it: every row has to belong to some time."""
    return column.type in INSTANTS and not column.nullable


def _missing(
    path: Path, name: str, contract: Contract, which: str = "", fits: Callable[[Column], bool] = lambda _: True
) -> Iterator[Unknown]:
    allowed = [column.name for column in contract.columns if fits(column)]
    if name not in allowed:
        message = f'"{name}" is not a column of {contract.label}{which} ({", ".join(allowed) or "there is none"})'
        yield Unknown(path, message, nearest(name, allowed))
