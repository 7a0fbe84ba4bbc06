"""Contract and Column: the columns of a record, their types, units and limits, its keys and its event time."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mesoscale import naming

ColumnType = Literal["string", "int64", "float64", "boolean", "timestamp", "date"]


class Column(BaseModel):
    """One column. `min` and `max` are inclusive: numbers for numeric columns, ISO 8601 text for timestamps and dates."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: Annotated[str, Field(pattern=naming.COLUMN_PATTERN, max_length=63)]
    type: ColumnType
    description: str = ""
    unit: str = ""
    nullable: bool = False
    min: float | str | None = None
    max: float | str | None = None
    one_of: tuple[str, ...] = ()
    pattern: str = ""
    max_length: int | None = None


class Contract(BaseModel):
    """The shape of a record.

    `key` names the columns whose values choose the partition, so records of one key stay in order; `identity` the
    columns that tell one record from every other; `event_time` the timestamp column at which it happened.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: Annotated[str, Field(pattern=naming.DNS_LABEL_PATTERN, max_length=63)]
    version: Annotated[int, Field(ge=1)] = 1
    description: str = ""
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=256)]
    key: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    event_time: str | None = None

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
