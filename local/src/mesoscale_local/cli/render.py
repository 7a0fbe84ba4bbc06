"""`meso render`: everything that the document asks for, as text."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from mesoscale_local.cli import options

if TYPE_CHECKING:
    from mesoscale.plan.types import Plan

EXAMPLES = options.examples(
    "meso render examples/nyc.yaml",
    "meso render examples/nyc.yaml -o json | jq .topics",
    "meso render examples/nyc.yaml --target cluster --namespace weather | kubectl apply --dry-run=server -f -",
)


@click.command("render", epilog=EXAMPLES)
@options.document
@click.option(
    "--target",
    type=click.Choice(["local", "cluster"]),
    default="local",
    show_default=True,
    help="Who is to run it.",
)
@click.option(
    "--installation",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="What the cluster's installation decides, as YAML; without it, its defaults. For --target cluster.",
)
@click.option(
    "--namespace",
    metavar="NAME",
    help="Where the objects are to lie; otherwise the document's, or default. For --target cluster.",
)
@options.output("yaml", "json")
def command(document: str, target: str, installation: str | None, namespace: str | None, output: str) -> None:
    """Print the plan: topics, tables with their statements, and the programs to run.

    For a cluster: the Kubernetes objects, as the operator applies them; it adds their owner and marks of its own.
    """
    if target == "cluster":
        manifests = _manifests(document, installation, namespace)
        whole = {"apiVersion": "v1", "kind": "List", "items": manifests}
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2) if output == "json" else _yaml(manifests).rstrip())
        return
    if installation or namespace:
        raise click.UsageError("--installation and --namespace are for --target cluster.", click.get_current_context())
    plan = _plan(document)
    if output == "json":
        click.echo(plan.model_dump_json(by_alias=True, indent=2))
    else:
        click.echo(_yaml(_documents(plan)), nl=False)


def _plan(document: str) -> "Plan":
    from mesoscale_local import documents

    return documents.read(document).plan()


def _manifests(document: str, installation: str | None, namespace: str | None) -> list[dict[str, Any]]:
    from mesoscale import manifests, plan
    from mesoscale.manifests.installation import Installation, parse
    from mesoscale_local import documents

    read = documents.read(document)
    planned = plan.build(read.graph, read.locate, plan.CLUSTER)
    installed = parse(documents.text(installation), installation) if installation else Installation()
    place = namespace or read.graph.pipeline.metadata.namespace or "default"
    return [child.manifest for child in manifests.build(read.graph, planned, installed, place)]


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


def _yaml(documents: Iterable[dict[str, Any]]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Texts over several lines stay readable, and what occurs twice is written twice."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000, explicit_start=True)
