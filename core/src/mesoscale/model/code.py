"""Code of the user's own in a cluster: where the modules of `step` and the files of `program` are found."""

from typing import Annotated

from pydantic import Field

from mesoscale.model.base import IMAGE_PATTERN, Name, Section


class Code(Section):
    """`configMap` holds the files that lie beside the document; `image` is made from ours, with modules below
    /mesoscale/code. Without either, the ConfigMap of the pipeline's name with -code after it, if it is there.
    """

    config_map: Name | None = None
    image: Annotated[str, Field(pattern=IMAGE_PATTERN, max_length=255)] | None = None
