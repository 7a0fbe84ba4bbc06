"""A DOCUMENT of the command line → text → pipeline → graph → plan; the only reader of documents."""

import sys
from dataclasses import dataclass
from pathlib import Path

from mesoscale import document, plan
from mesoscale.document import Document
from mesoscale.errors import DocumentRefused, PlanRefused, Problem, Reason
from mesoscale.graph.build import Locate, build
from mesoscale.graph.types import Graph
from mesoscale.model import Pipeline
from mesoscale.plan.types import Plan

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Read:
    """A document that is right: where it was read, and what it says. `path` is None for standard input."""

    name: str
    path: Path | None
    graph: Graph
    parsed: Document

    @property
    def locate(self) -> Locate:
        """Where a value stands in the text."""
        return self.parsed.locate

    def forbidden_changes(self, applied: Pipeline | None) -> tuple[Problem, ...]:
        """What it changes of the pipeline that runs although it must stay: the rules by which a cluster refuses too."""
        return document.forbidden_changes(applied, self.parsed) if applied is not None else ()

    def plan(self) -> Plan:
        """Raises:
        PlanRefused: it asks for parts that are not built, or for more than one machine has.
        """
        planned = plan.build(self.graph, self.locate)
        problems = [
            Problem(
                Reason.NOT_BUILT,
                f"{node.topic.replicas} replicas of a topic are asked for, and one machine has one broker",
                self.locate(("spec", section, index, "topic", "replicas")),
                "take replicas out of the document",
            )
            for section in ("sources", "stages")
            for index, node in enumerate(getattr(self.graph.pipeline.spec, section))
            if node.topic.replicas > 1
        ]
        if problems:
            raise PlanRefused(problems)
        return planned


def read(name: str) -> Read:
    """Read the file of that name, or standard input for `-`.

    Raises:
        DocumentRefused: it cannot be read, or breaks a rule.
    """
    shown = "<stdin>" if name == STANDARD_INPUT else name
    parsed = document.parse(_text(name, shown), shown)
    path = None if name == STANDARD_INPUT else Path(name).absolute()
    return Read(shown, path, build(parsed.pipeline, parsed.locate), parsed)


def text(name: str) -> str:
    """The text of the file of that name, or of standard input for `-`.

    Raises:
        DocumentRefused: it cannot be read.
    """
    return _text(name, "<stdin>" if name == STANDARD_INPUT else name)


def _text(name: str, shown: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        hint = "" if Path(name).suffix else "a document is a YAML file, such as examples/minimal.yaml"
        problem = Problem(Reason.NOT_YAML, f"{shown}: {error.strerror or error}", hint=hint)
        raise DocumentRefused(problem) from error
    except UnicodeDecodeError as error:
        message = f"{shown}: not UTF-8 text: byte {data[error.start]:#04x} at position {error.start}"
        raise DocumentRefused(Problem(Reason.NOT_YAML, message, hint="save it as UTF-8")) from error
