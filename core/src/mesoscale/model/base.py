"""What every section shares: frozen, camelCase outside and snake_case inside, no unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mesoscale import naming, units

Name = Annotated[str, Field(pattern=naming.DNS_LABEL_PATTERN, max_length=40)]
Duration = Annotated[str, Field(pattern=units.DURATION_PATTERN)]
Size = Annotated[str, Field(pattern=units.SIZE_PATTERN)]
ColumnName = Annotated[str, Field(pattern=naming.COLUMN_PATTERN, max_length=63)]
Cron = Annotated[str, Field(pattern=r"^(\S+ ){4}\S+$", max_length=120)]


class Section(BaseModel):
    """A mapping of the document."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
