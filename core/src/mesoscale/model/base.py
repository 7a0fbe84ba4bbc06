"""What every section shares: frozen, camelCase outside, snake_case inside, no unknown keys, bounded texts."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mesoscale import naming, units
from mesoscale.contract.types import INSTANT_PATTERN, SET, ColumnName

__all__ = [
    "AGGREGATE_PATTERN",
    "CALL_PATTERN",
    "CRON_PATTERN",
    "FEATURE_PATTERN",
    "FUNCTIONS",
    "IMAGE_PATTERN",
    "IN_WORDS",
    "RECEIVER_PATTERN",
    "SERVERS_PATTERN",
    "SET",
    "SOME_TIME_PATTERN",
    "STEP_PATTERN",
    "URL_PATTERN",
    "ColumnName",
    "Cron",
    "DeletionPolicy",
    "Duration",
    "Name",
    "Section",
    "Size",
    "Text",
]


def _cron_field(low_to_high: str) -> str:
    one = rf"(\*|({low_to_high})(-({low_to_high}))?)(/[1-9][0-9]?)?"
    return f"{one}(,{one})*"


CRON_PATTERN = (
    "^"
    + " ".join(
        _cron_field(numbers)
        for numbers in (
            "[0-5]?[0-9]",  # minute
            "[01]?[0-9]|2[0-3]",  # hour
            "0?[1-9]|[12][0-9]|3[01]",  # day of the month
            "0?[1-9]|1[0-2]",  # month
            "[0-7]",  # day of the week, Sunday is 0 and 7
        )
    )
    + "$"
)
FUNCTIONS = ("count", "sum", "mean", "min", "max", "first", "last")


def _aggregate_pattern(functions: Iterable[str]) -> str:
    return rf"^(count\(\*\)|({'|'.join(functions)})\([a-z][a-z0-9_]*\))$"


AGGREGATE_PATTERN = _aggregate_pattern(FUNCTIONS)
FEATURE_PATTERN = _aggregate_pattern(FUNCTIONS[:5])
STEP_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"
URL_PATTERN = r"^https?://[!-~]+$"
CALL_PATTERN = r"^([1-9]|1[0-5])s$"  # less than whoever stops a program waits for its end
_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
RECEIVER_PATTERN = rf"^https?://[A-Za-z0-9][-A-Za-z0-9.]*(:({_PORT}))?(/[!-~]*)?$"
SOME_TIME_PATTERN = r"^[1-9][0-9]{0,5}[smh]$"
IMAGE_PATTERN = r"^[a-z0-9][-A-Za-z0-9._/]*(:[A-Za-z0-9_][-A-Za-z0-9._]*)?(@sha256:[0-9a-f]+)?$"
SERVERS_PATTERN = r"^[-A-Za-z0-9._]+:[0-9]+(,[-A-Za-z0-9._]+:[0-9]+)*$"

IN_WORDS = {
    naming.DNS_LABEL_PATTERN: "small letters, digits and hyphens, first a letter, last a letter or digit",
    naming.COLUMN_PATTERN: "small letters, digits and underscores, first a letter",
    AGGREGATE_PATTERN: f"count(*), or one of {', '.join(FUNCTIONS)} of a column, such as sum(amount)",
    FEATURE_PATTERN: f"count(*), or one of {', '.join(FUNCTIONS[:5])} of a column, such as sum(amount)",
    units.DURATION_PATTERN: "a whole number and ms, s, m, h, d or w, such as 15m or 30d",
    units.SIZE_PATTERN: "a whole number and B, KiB, MiB, GiB or TiB, such as 64MiB",
    INSTANT_PATTERN: "a date such as 2013-01-01 or an instant in UTC such as 2013-01-01T00:00:00Z",
    CRON_PATTERN: "minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7, such as 15 2 * * *",
    STEP_PATTERN: "module:function, such as steps:add_heat_index",
    RECEIVER_PATTERN: "http:// or https://, a host, perhaps a port and a path, and no user",
    CALL_PATTERN: "whole seconds from 1s to 15s",
    SOME_TIME_PATTERN: "a whole number from 1 and s, m or h, such as 5s or 10m",
    URL_PATTERN: "an address that begins with http:// or https://",
    IMAGE_PATTERN: "the name of an image, such as registry.example.com/team/steps:1.2",
    SERVERS_PATTERN: "host:port of one or more brokers, such as kafka-0:9092,kafka-1:9092",
}
"""What each pattern of the schema asks for, as it is told to a person."""

Name = Annotated[str, Field(pattern=naming.DNS_LABEL_PATTERN, max_length=40)]
Text = Annotated[str, Field(min_length=1, max_length=255)]
Duration = Annotated[str, Field(pattern=units.DURATION_PATTERN, max_length=11)]
Size = Annotated[str, Field(pattern=units.SIZE_PATTERN, max_length=11)]
Cron = Annotated[str, Field(pattern=CRON_PATTERN, max_length=120)]
DeletionPolicy = Literal["retain", "delete", "orphan"]


class Section(BaseModel):
    """A mapping of the document."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
