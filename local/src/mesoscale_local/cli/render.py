"""`meso render`: everything that the document asks for, as text."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale_local.cli import options

if TYPE_CHECKING:
    from mesoscale.plan.types import Plan

EXAMPLES = options.examples("meso render examples/nyc.yaml", "meso render examples/nyc.yaml -o json | jq .topics")


@click.command("render", epilog=EXAMPLES)
@options.document
@click.option(
    "--target",
    type=click.Choice(["local", "cluster"]),
    default="local",
    show_default=True,
    help="Who is to run it.",
)
@options.output("yaml", "json")
def command(document: str, target: str, output: str) -> None:
    """Print the plan: topics, tables with their statements, and the programs to run."""
    from mesoscale_local import documents

    if target == "cluster":
        message = "manifests for a cluster cannot be rendered by this version of Mesoscale yet"
        raise PlanRefused(Problem(Reason.NOT_BUILT, message, hint="--target local renders the same plan as text"))
    plan = documents.read(document).plan()
    if output == "json":
        click.echo(plan.model_dump_json(by_alias=True, indent=2))
    else:
        click.echo(_yaml(plan), nl=False)


def _documents(plan: "Plan") -> Iterator[dict[str, Any]]:
    parts = (
        ("Contract", plan.contracts),
        ("Topic", plan.topics),
        ("Table", plan.tables),
        ("Workload", plan.workloads),
    )
    for kind, group in parts:
        for part in group:
            yield {"kind": kind, "spec": part.model_dump(mode="json", by_alias=True, exclude_defaults=True)}


def _yaml(plan: "Plan") -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Statements over several lines stay readable."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return yaml.dump_all(
        _documents(plan), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000, explicit_start=True
    )
