"""Which pipeline, log or contract is meant: names from the command line → what they stand for, or a clear refusal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesoscale.contract import catalogue
from mesoscale.contract.types import Contract
from mesoscale.errors import DocumentRefused, Problem, Reason, ServiceUnavailable, nearest
from mesoscale_local import documents
from mesoscale_local import home as homes
from mesoscale_local.home import Home


def home(folder: Path, pipeline: str | None, document: str | None) -> Home:
    """The pipeline that is named, or that of a document, or the only one there is.

    Raises:
        DocumentRefused: the document is not right.
        ServiceUnavailable: there is no such pipeline, or more than one.
    """
    there = homes.pipelines(folder)
    if pipeline is None and document is not None:
        pipeline = documents.read(document).graph.pipeline.name
    if pipeline is None and len(there) == 1:
        pipeline = there[0]
    if pipeline is None and there:
        names = ", ".join(there)
        raise ServiceUnavailable(
            Problem(
                Reason.NOT_RUNNING,
                f"{folder} has several pipelines ({names})",
                hint="choose one with -p NAME",
            )
        )
    if pipeline not in there:
        what = f'pipeline "{pipeline}"' if pipeline else "any pipeline"
        hint = nearest(pipeline or "", there) or "`meso run DOCUMENT` starts one; --home says where it is kept"
        raise ServiceUnavailable(Problem(Reason.NOT_RUNNING, f"{folder} does not have {what}", hint=hint))
    return Home.of(folder, pipeline)


def status(home: Home) -> dict[str, Any]:
    """Raises:
    ServiceUnavailable: the pipeline has never run far enough to write one.
    """
    found = home.read_status()
    if found is None:
        raise ServiceUnavailable(Problem(Reason.NOT_RUNNING, f'pipeline "{home.pipeline}" has no status yet'))
    return found


def logs(home: Home, node: str | None) -> dict[str, Path]:
    """Name → log: all of a node's processes, a service's, or those of all nodes.

    Raises:
        ServiceUnavailable: there is no log of that name.
    """
    nodes = {path.stem: path for path in sorted(home.logs.glob("*.log"))}
    if node is None:
        return nodes
    found = {name: path for name, path in nodes.items() if name.split(".")[0] == node or name == node}
    services = {path.stem: path for path in sorted((home.logs / "services").glob("*.log"))}
    if not found and node in services:
        found = {node: services[node]}
    if not found:
        names = [*nodes, *services]
        message = f'no log of "{node}" in {home.logs} ({", ".join(names) or "there are none yet"})'
        raise ServiceUnavailable(Problem(Reason.UNKNOWN_REFERENCE, message, hint=nearest(node, names)))
    return found


def contracts(document: str | None, name: str | None) -> Sequence[Contract]:
    """All contracts, or the named one; a document's own come after those that ship.

    Raises:
        DocumentRefused: the document is not right, or there is no contract of that name.
    """
    known = dict(catalogue.SHIPPED)
    if document is not None:
        spec = documents.read(document).graph.pipeline.spec
        known |= {contract.name: contract for contract in spec.contracts}
    if name is None:
        return list(known.values())
    if name not in known:
        message = f'"{name}" is not a contract ({", ".join(known)})'
        hint = nearest(name, list(known)) or "-f DOCUMENT adds those of a document"
        raise DocumentRefused(Problem(Reason.UNKNOWN_REFERENCE, message, hint=hint))
    return [known[name]]
