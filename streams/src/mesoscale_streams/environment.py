"""What a program is told by the world around it; the only reader of files, variables and the command line's paths."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mesoscale import bindings, document
from mesoscale.bindings import PEM, Bindings
from mesoscale.errors import DocumentRefused, Problem, Reason, ServiceUnavailable, nearest
from mesoscale.graph.build import build
from mesoscale.graph.types import Graph, Node

POD_INDEX = "POD_INDEX"  # the variable in which a StatefulSet's pod finds its ordinal


@dataclass(frozen=True, slots=True)
class Environment:
    """One node of one pipeline, and where its services are.

    `folder` is where the document lies; `state` where a stage may keep copies of what it remembers, and
    `models` where trained models lie, if anywhere.
    """

    graph: Graph
    node: Node
    bindings: Bindings
    folder: Path
    instance: int
    state: Path | None = None
    models: Path | None = None

    @property
    def pipeline(self) -> str:
        return self.graph.pipeline.name


def read(
    document_file: Path,
    bindings_folder: Path,
    node: str,
    instance: int | None,
    state: Path | None = None,
    models: Path | None = None,
) -> Environment:
    """Read the document and the bindings; an instance that is not given is the one that the pod's index says.

    Raises:
        MesoscaleError: the document is refused or has no such node, or a binding lacks an entry.
    """
    graph = read_graph(document_file)
    return Environment(
        graph=graph,
        node=_node(graph, node),
        bindings=read_bindings(bindings_folder),
        folder=document_file.resolve().parent,
        instance=_pod_index() if instance is None else instance,
        state=state,
        models=models,
    )


def read_graph(document_file: Path) -> Graph:
    """The graph of the document in a file."""
    parsed = document.parse(document_file.read_text(encoding="utf-8"), str(document_file))
    return build(parsed.pipeline, parsed.locate)


def read_bindings(folder: Path) -> Bindings:
    """The bindings in a folder of folders."""
    return bindings.parse(dict(_entries(folder)))


def announce(file: Path, environment: Environment, metrics: str) -> None:
    """Tell whoever started this program that it is ready; the file appears whole or not at all."""
    text = json.dumps(
        {
            "node": environment.node.name,
            "instance": environment.instance,
            "pid": os.getpid(),
            "metrics": metrics,
        }
    )
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as whole:
        whole.write(text)
    Path(whole.name).replace(file)


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    """`kafka/ca.crt` → its text, or the path of a certificate: PostgreSQL's client takes it from a file only."""
    for file in folder.glob("*/*"):
        if file.is_file():
            text = file.read_bytes().decode(errors="replace")  # a Secret may hold a key store beside the entries
            yield f"{file.parent.name}/{file.name}", str(file.absolute()) if text.startswith(PEM) else text


def _node(graph: Graph, name: str) -> Node:
    try:
        return graph.node(name)
    except KeyError:
        names = [node.name for node in graph.nodes]
        message = f'"{name}" is not a source, stage or sink of the document ({", ".join(names)})'
        raise DocumentRefused(Problem(Reason.UNKNOWN_REFERENCE, message, hint=nearest(name, names))) from None


def _pod_index() -> int:
    given = os.environ.get(POD_INDEX, "0")
    if not given.isdecimal():
        message = f'{POD_INDEX} is "{given}", and the instance is a number from 0'
        raise ServiceUnavailable(Problem(Reason.INVALID_VALUE, message))
    return int(given)
