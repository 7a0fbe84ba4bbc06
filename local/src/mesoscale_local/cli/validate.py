"""`meso validate`: is the document right?"""

import json
from typing import TYPE_CHECKING, Any

import click

from mesoscale.errors import MesoscaleError, Problem
from mesoscale_local.cli import options

if TYPE_CHECKING:
    from mesoscale.graph.types import Graph

EXAMPLES = options.examples(
    "meso validate examples/nyc.yaml", "meso validate -f - < pipeline.yaml", "meso validate nyc.yaml -o json"
)


@click.command("validate", epilog=EXAMPLES)
@options.document
@options.output("text", "json")
def command(document: str, output: str) -> int:
    """Check a document: its fields, its rules, and that every name refers to something."""
    from mesoscale_local import documents

    try:
        read = documents.read(document)
    except MesoscaleError as error:
        if output == "text":
            raise
        problems = [_problem(problem) for problem in error.problems]
        click.echo(json.dumps({"document": document, "right": False, "problems": problems}, ensure_ascii=False))
        return error.exit_code
    graph, document = read.graph, read.name
    if output == "json":
        name = graph.pipeline.name
        click.echo(json.dumps({"document": document, "right": True, "pipeline": name, "nodes": _count(graph)}))
    else:
        click.echo(f'{document}: {graph.pipeline.kind} "{graph.pipeline.name}" is right ({_in_words(graph)})')
    return 0


def _count(graph: "Graph") -> dict[str, int]:
    return {kind: sum(node.kind == kind for node in graph.nodes) for kind in ("source", "stage", "sink")}


def _in_words(graph: "Graph") -> str:
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in _count(graph).items() if count)


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "reason": problem.reason.value,
        "message": problem.message,
        "hint": problem.hint,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "path": place.path if place else None,
    }
