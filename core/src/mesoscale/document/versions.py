"""Which versions of the document are served. A new one comes with a conversion to the model's shape, here."""

from mesoscale.document import scalars, tree
from mesoscale.document.tree import Mapping, Scalar
from mesoscale.errors import Problem, Reason, nearest
from mesoscale.model.pipeline import API_VERSION, KIND

SERVED = (API_VERSION,)  # the newest first; the model has the shape of the first


def problems(root: Mapping, file: str) -> list[Problem]:
    """What keeps the document from being read as one of the kinds and versions served."""
    return [
        problem
        for field, served in (("apiVersion", SERVED), ("kind", (KIND,)))
        if (problem := _problem(root, file, field, served))
    ]


def _problem(root: Mapping, file: str, field: str, served: tuple[str, ...]) -> Problem | None:
    allowed = ", ".join(served)
    node = root.entries.get(field)
    if node is None:
        message = f'the field "{field}" is missing ({allowed})'
        return Problem(Reason.MISSING_FIELD, message, tree.place(file, root.at), f"{field}: {served[0]}")
    if isinstance(node, Scalar) and node.text in served:
        return None
    found = f'"{node.text}"' if isinstance(node, Scalar) and scalars.value(node) is not None else "this"
    message = f"{found} is not served ({allowed})"
    hint = nearest(node.text, served) if isinstance(node, Scalar) else ""
    return Problem(Reason.UNSUPPORTED_VERSION, message, tree.place(file, node.at, (field,)), hint)
