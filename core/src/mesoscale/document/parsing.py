"""Text → Document: read, find the version, check the shape, ask the rules, and build the typed pipeline."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mesoscale.document import asking, reading, shape, tree, versions
from mesoscale.document.shape import Finding
from mesoscale.document.tree import Path
from mesoscale.errors import DocumentRefused, Place, Problem
from mesoscale.model import schema
from mesoscale.model.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read and found right: its text, and the pipeline that it means."""

    file: str
    text: str = field(repr=False)
    pipeline: Pipeline
    root: tree.Mapping = field(repr=False)

    def locate(self, path: Path) -> Place | None:
        """The place of the value at `path`, `("spec", "sinks", 0, "from")`; of what it would stand in, if left out."""
        return tree.place(self.file, tree.find(self.root, path), path)


def parse(text: str, file: str) -> Document:
    """Read one document.

    Args:
        text: the YAML.
        file: the name by which problems call it.

    Raises:
        DocumentRefused: with every problem that could be found, in the order of their places.
    """
    root = reading.read(text, file)
    if unserved := versions.problems(root, file):
        raise DocumentRefused(unserved)
    value, findings = shape.check(root, schema.pipeline())
    findings += asking.ask(root, value, schema.pipeline(), tuple(findings))
    if findings:
        raise DocumentRefused(_placed(findings, file))
    return Document(file, text, Pipeline.model_validate_json(json.dumps(value), strict=True), root)


def forbidden_changes(old: Pipeline, new: Document) -> tuple[Problem, ...]:
    """What the new document changes although it must stay: a table's partitions, a key, fewer partitions of a topic."""
    findings = asking.ask(new.root, _plain(new.pipeline), schema.pipeline(), (), _plain(old))
    return tuple(_placed(findings, new.file))


def _plain(pipeline: Pipeline) -> Any:
    return pipeline.model_dump(mode="json", by_alias=True, exclude_none=True)


def _placed(findings: Iterable[Finding], file: str) -> list[Problem]:
    ordered = sorted(findings, key=lambda finding: (finding.at.line, finding.at.column, finding.message))
    return [
        Problem(finding.reason, finding.message, tree.place(file, finding.at, finding.path), finding.hint)
        for finding in ordered
    ]
