"""What a program is told by the world around it; the only reader of files and of the command line's paths."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mesoscale import bindings, document
from mesoscale.bindings import Bindings
from mesoscale.graph.build import build
from mesoscale.graph.types import Graph, Node


@dataclass(frozen=True, slots=True)
class Environment:
    """One node of one pipeline, and where its services are. `folder` is where the document lies."""

    graph: Graph
    node: Node
    bindings: Bindings
    folder: Path
    instance: int

    @property
    def pipeline(self) -> str:
        return self.graph.pipeline.name


def read(document_file: Path, bindings_folder: Path, node: str, instance: int) -> Environment:
    """Read the document and the bindings.

    Raises:
        MesoscaleError: the document is refused, or a binding lacks an entry.
        KeyError: the document has no node of that name.
    """
    graph = read_graph(document_file)
    return Environment(
        graph, graph.node(node), read_bindings(bindings_folder), document_file.resolve().parent, instance
    )


def read_graph(document_file: Path) -> Graph:
    """The graph of the document in a file."""
    parsed = document.parse(document_file.read_text(encoding="utf-8"), str(document_file))
    return build(parsed.pipeline, parsed.locate)


def read_bindings(folder: Path) -> Bindings:
    """The bindings in a folder of folders."""
    files = {f"{file.parent.name}/{file.name}": file.read_text() for file in folder.glob("*/*") if file.is_file()}
    return bindings.parse(files)


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
