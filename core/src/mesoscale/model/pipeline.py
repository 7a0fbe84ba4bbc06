"""The whole document: Pipeline, Metadata and Spec."""

from typing import Annotated, Literal

from pydantic import Field

from mesoscale.contract.types import Contract
from mesoscale.model.base import SET, DeletionPolicy, Name, Section
from mesoscale.model.check import Check
from mesoscale.model.code import Code
from mesoscale.model.job import Job
from mesoscale.model.models import Model
from mesoscale.model.services import Services
from mesoscale.model.sink import Sink
from mesoscale.model.slo import Slo
from mesoscale.model.source import Source
from mesoscale.model.stage import Stage

API_VERSION = "mesoscale.dev/v1alpha1"
KIND = "WeatherPipeline"

Labels = Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=64)]
Annotations = Annotated[dict[str, Annotated[str, Field(max_length=32_768)]], Field(max_length=64)]


class Metadata(Section):
    """Object metadata: the name is ours, the rest is Kubernetes' own."""

    name: Name
    namespace: Annotated[str, Field(max_length=63)] | None = None
    labels: Labels = {}
    annotations: Annotations = {}


class Spec(Section):
    """What the pipeline is made of.

    `deletionPolicy` is what becomes of topics and the database when they leave the document, or the document leaves:
    they stay and are taken up again, they go, or they stay and are nobody's. `adoption` says whether objects that were
    there before may be taken over, and `driftPolicy` whether what somebody changed behind our back is put right.
    """

    contracts: Annotated[tuple[Contract, ...], Field(max_length=32)] = ()
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=64)]
    stages: Annotated[tuple[Stage, ...], Field(max_length=64)] = ()
    sinks: Annotated[tuple[Sink, ...], Field(max_length=64)] = ()
    jobs: Annotated[tuple[Job, ...], Field(max_length=64)] = ()
    models: Annotated[tuple[Model, ...], Field(max_length=16)] = ()
    checks: Annotated[tuple[Check, ...], Field(max_length=64)] = ()
    slo: Slo | None = None
    services: Services = Services()
    code: Code | None = None
    adoption: Literal["refuse", "adopt"] = "refuse"
    drift_policy: Literal["revert", "report"] = "revert"
    deletion_policy: DeletionPolicy = "retain"
    pause: Annotated[tuple[Literal["reconcile", "data"], ...], Field(max_length=2, json_schema_extra=SET)] = ()


class Pipeline(Section):
    """A document that has been read and found right."""

    api_version: Literal["mesoscale.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["WeatherPipeline"] = KIND  # type: ignore[assignment]
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        return self.metadata.name
