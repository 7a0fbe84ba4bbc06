"""Contract and Column: the columns of a record, their types, units and limits, keys and event time."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from mesoscale import naming

ColumnType = Literal["string", "int64", "float64", "boolean", "timestamp", "date"]
SET: dict[str, JsonValue] = {"x-kubernetes-list-type": "set"}  # no value twice; the API server sees to it
ColumnName = Annotated[str, Field(pattern=naming.COLUMN_PATTERN, max_length=63)]

INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$"  # compares as text


class Column(BaseModel):
    """One column; its limits are inclusive.

    Numbers have `min` and `max`; timestamps and dates `earliest` and `latest` (ISO 8601); strings `one_of`,
    `pattern` (RE2) and `max_length` in characters. Two pairs of limits, because a field of a custom resource
    has one type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: ColumnName
    type: ColumnType
    description: Annotated[str, Field(max_length=500)] = ""
    unit: Annotated[str, Field(max_length=64)] = ""
    nullable: bool = False
    min: float | None = None
    max: float | None = None
    earliest: Annotated[str, Field(pattern=INSTANT_PATTERN, max_length=40)] | None = None
    latest: Annotated[str, Field(pattern=INSTANT_PATTERN, max_length=40)] | None = None
    one_of: Annotated[
        tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=64, json_schema_extra=SET)
    ] = ()
    pattern: Annotated[str, Field(max_length=256)] = ""
    max_length: Annotated[int, Field(ge=1, le=1_048_576)] | None = None


class Contract(BaseModel):
    """The shape of a record.

    `key` names the columns whose values choose the partition, so records of one key stay in order; `identity`
    the columns that tell one record from every other; `event_time` the timestamp column at which it happened.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: Annotated[str, Field(pattern=naming.DNS_LABEL_PATTERN, max_length=63)]
    version: Annotated[int, Field(ge=1)] = 1
    description: Annotated[str, Field(max_length=500)] = ""
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=128)]
    key: Annotated[tuple[ColumnName, ...], Field(max_length=8, json_schema_extra=SET)] = ()
    identity: Annotated[tuple[ColumnName, ...], Field(max_length=8, json_schema_extra=SET)] = ()
    event_time: ColumnName | None = None

    @property
    def label(self) -> str:
        """Name and version as they stand in dead letters and logs: `observation@1`."""
        return f"{self.name}@{self.version}"

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
