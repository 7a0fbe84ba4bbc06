"""Sources: where records come from. Each has exactly one kind."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mesoscale.model.base import Duration, Name, Section
from mesoscale.model.topic import TopicSettings

Dataset = Literal["nyc-2013", "nyc-stations"]


class Replay(Section):
    """Recorded records, again: a shipped data set or a file of newline-delimited JSON beside the document.

    `speed` is seconds of event time per second of ours (86400: a day each second); without it, as fast as taken.
    """

    dataset: Dataset | None = None
    file: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    speed: Annotated[float, Field(gt=0)] | None = None


class Synthetic(Section):
    """Card payments made up by seed, with labelled fraud; the same seed gives the same payments.

    `count` ends the stream after so many records; `start` fixes the first event time (ISO 8601), otherwise it is now.
    """

    per_second: Annotated[float, Field(gt=0, le=1_000_000)] = 100
    fraud_rate: Annotated[float, Field(ge=0, le=0.5)] = 0.004
    seed: Annotated[int, Field(ge=0)] = 0
    accounts: Annotated[int, Field(ge=10, le=10_000_000)] = 10_000
    count: Annotated[int, Field(ge=1)] | None = None
    start: str | None = None


class OpenWeather(Section):
    """Current weather by coordinates from OpenWeather; the key comes from a secret."""

    stations: Annotated[tuple[str, ...], Field(min_length=1, max_length=500)]
    every: Duration = "10m"
    key_secret: str = "openweather"


class OpenMeteo(Section):
    """Current weather by coordinates from Open-Meteo, which needs no key."""

    stations: Annotated[tuple[str, ...], Field(min_length=1, max_length=500)]
    every: Duration = "15m"


class Paged(Section):
    """A web API that answers in count/offset pages."""

    url: Annotated[str, Field(pattern=r"^https?://", max_length=2048)]
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 250
    every: Duration = "1m"


class Push(Section):
    """Records that others send to the gateway over HTTP."""

    token_secret: str = "push"
    max_body: str = "1MiB"


class Files(Section):
    """Files that appear in a folder."""

    path: Annotated[str, Field(min_length=1, max_length=1024)]
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
