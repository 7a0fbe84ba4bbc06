"""The status of a pipeline as a custom resource: what a driver reports, typed and bounded."""

from typing import Annotated, Literal, get_args

from pydantic import Field, JsonValue

from mesoscale.model.base import Section

Sentence = Annotated[str, Field(max_length=1024)]
Word = Annotated[str, Field(max_length=128)]
Count = Annotated[int, Field(ge=0)]


def _map_by(*keys: str) -> dict[str, JsonValue]:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


Aspect = Literal[
    "TopicsReady",
    "DatabaseReady",
    "SchemaReady",
    "StreamsReady",
    "BatchReady",
    "OrchestrationReady",
    "MonitoringReady",
]
"""The conditions that children count for."""

CONDITIONS = ("Accepted", *get_args(Aspect), "Ready")


class Condition(Section):
    """One aspect of readiness, as Kubernetes writes conditions, with what a person can do next."""

    type: Annotated[str, Field(max_length=64)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern="^[A-Za-z]([A-Za-z0-9]*)$")]
    message: Sentence = ""
    next_step: Sentence = ""
    last_transition_time: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
    observed_generation: Count = 0


class Child(Section):
    """One object that belongs to the pipeline."""

    api_version: Word
    kind: Word
    name: Annotated[str, Field(max_length=253)]
    state: Literal["Ready", "Progressing", "Failed", "Skipped", "Orphaned"]
    message: Sentence = ""


class Endpoint(Section):
    """An address that a person or program can use."""

    name: Word
    url: Annotated[str, Field(max_length=512)]


class LedgerTotals(Section):
    """The ledger, summed over all nodes; `closed` says whether it adds up."""

    read: Count = 0
    accepted: Count = 0
    rejected: Count = 0
    late: Count = 0
    produced: Count = 0
    lag: Count = 0
    closed: bool = True


class Status(Section):
    """What was observed, of which generation of the document."""

    observed_generation: Count = 0
    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=16, json_schema_extra=_map_by("type")),
    ] = ()
    stages_ready: Annotated[str, Field(max_length=16, description="programs that are ready, of all: 3/4")] = ""
    rows_per_second: Annotated[str, Field(max_length=16, description="accepted by all sinks")] = ""
    children: Annotated[tuple[Child, ...], Field(max_length=256, json_schema_extra=_map_by("kind", "name"))] = ()
    endpoints: Annotated[tuple[Endpoint, ...], Field(max_length=16)] = ()
    ledger: LedgerTotals | None = None
