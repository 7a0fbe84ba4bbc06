"""Sources: where records come from. Each has exactly one kind."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mesoscale.contract.types import INSTANT_PATTERN
from mesoscale.model.base import SET, URL_PATTERN, Duration, Name, Section, Size, Text
from mesoscale.model.topic import TopicSettings

Dataset = Literal["nyc-2013", "nyc-stations"]
Stations = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
    Field(min_length=1, max_length=500, json_schema_extra=SET),
]


class Replay(Section):
    """Recorded records, again: a shipped data set or a file of newline-delimited JSON beside the document.

    `speed` is seconds of event time per second of ours (86400: a day each second); without it, as fast as
    it is taken.
    """

    dataset: Dataset | None = None
    file: Text | None = None
    speed: Annotated[float, Field(gt=0)] | None = None


class Synthetic(Section):
    """Card payments made up by seed, with labelled fraud; the same seed gives the same payments.

    `count` ends the stream after so many records; `start` fixes the first event time (ISO 8601), otherwise it
    is now.
    """

    per_second: Annotated[float, Field(gt=0, le=1_000_000)] = 100
    fraud_rate: Annotated[float, Field(ge=0, le=0.5)] = 0.004
    seed: Annotated[int, Field(ge=0)] = 0
    accounts: Annotated[int, Field(ge=10, le=10_000_000)] = 10_000
    count: Annotated[int, Field(ge=1)] | None = None
    start: Annotated[str, Field(pattern=INSTANT_PATTERN, max_length=40)] | None = None


class OpenWeather(Section):
    """Current weather by coordinates from OpenWeather; the key comes from a secret."""

    stations: Stations
    every: Duration = "10m"
    key_secret: Name = "openweather"


class OpenMeteo(Section):
    """Current weather by coordinates from Open-Meteo, which needs no key."""

    stations: Stations
    every: Duration = "15m"


class Paged(Section):
    """A web API that answers in count/offset pages."""

    url: Annotated[str, Field(pattern=URL_PATTERN, max_length=2048)]
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 250
    every: Duration = "1m"


class Push(Section):
    """Records that others send to the gateway over HTTP."""

    token_secret: Name = "push"
    max_body: Size = "1MiB"


class Files(Section):
    """Files that appear in a folder."""

    path: Text
    format: Literal["ndjson", "csv", "parquet"] = "ndjson"


KINDS = ("replay", "synthetic", "open_weather", "open_meteo", "paged", "push", "files")


class Source(Section):
    """record → topic."""

    name: Name
    contract: Name
    replay: Replay | None = None
    synthetic: Synthetic | None = None
    open_weather: OpenWeather | None = None
    open_meteo: OpenMeteo | None = None
    paged: Paged | None = None
    push: Push | None = None
    files: Files | None = None
    topic: TopicSettings = TopicSettings()

    @property
    def kind(self) -> str:
        """Which of KINDS it is; a rule of the document says there is exactly one."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def settings(self) -> Any:
        """The section of that kind."""
        return getattr(self, self.kind)
