"""Plan and its parts. They are plain data: printed by `meso render`, compared by `meso plan`, applied by drivers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mesoscale.contract.types import Contract
from mesoscale.graph.types import NodeKind


class Part(BaseModel):
    """What every part of a plan shares."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Topic(Part):
    """A Kafka topic."""

    name: str
    role: Literal["records", "dead-letter", "positions", "redriven", "retry", "state", "late"]
    partitions: int
    replicas: int
    config: dict[str, str]


class TablePartitions(Part):
    """How a table is cut: `every` is 1d, 1mo or 1y of `column`."""

    column: str
    every: Literal["1d", "1mo", "1y"]


class Table(Part):
    """A PostgreSQL table of the schema `schema_name`, with the statements that bring it about from nothing."""

    sink: str
    schema_name: str
    name: str
    contract: str
    partitions: TablePartitions | None
    statements: tuple[str, ...]


class Workload(Part):
    """One program to run: `python -m mesoscale_streams run NODE`, `replicas` times, with the services it needs.

    `reads` is what a source's position counts in (`replay file weather.ndjson`); nothing for stages and sinks.
    `model` is the trained one that it scores with; nothing where there is none.
    `remembers` says what the state of a stage means (`window of 1h by station: ...`); nothing where there is none.
    `resets` that it may begin without what it remembers where that meant something else.
    `secret` is the Secret with the address and the key of whom it calls; nothing where it calls nobody.
    """

    node: str
    kind: NodeKind
    argv: tuple[str, ...]
    replicas: int
    needs: tuple[Literal["kafka", "postgresql"], ...]
    reads: str = ""
    model: str = ""
    remembers: str = ""
    resets: bool = False
    secret: str = ""


class Plan(Part):
    """Everything a document asks for."""

    pipeline: str
    contracts: Annotated[tuple[Contract, ...], Field(description="every contract on an edge, once")]
    topics: tuple[Topic, ...]
    tables: tuple[Table, ...]
    workloads: tuple[Workload, ...]
