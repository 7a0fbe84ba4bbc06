"""`meso status`: how a pipeline is."""

import json
from pathlib import Path
from typing import Any

import click

from mesoscale_local.cli import options

EXAMPLES = options.examples("meso status", "meso status examples/nyc.yaml", "meso status -p nyc -o json")


@click.command("status", epilog=EXAMPLES)
@click.argument("document", required=False, type=click.Path())
@click.option("-f", "--file", metavar="DOCUMENT", type=click.Path(), help="The document, as another way to name it.")
@options.pipeline
@options.home_folder
@options.output("text", "json")
def command(document: str | None, file: str | None, pipeline: str | None, home_folder: Path, output: str) -> None:
    """Show nodes, processes, crashes, the ledger and the dashboard's address.

    While the pipeline runs this is how it is now, and afterwards how it was at last.
    """
    from mesoscale_local import choose, report

    home = choose.home(home_folder, pipeline, document or file)
    status, runner = choose.status(home), home.runner()
    if output == "json":
        click.echo(json.dumps({**status, "running": runner is not None}, ensure_ascii=False, indent=2))
        return
    click.echo(_headline(status, runner))
    lines = [
        *report.progress(status),
        "",
        *report.processes(status),
        *report.crash_stories(status),
        *report.ledger(status),
    ]
    click.echo("\n".join(lines))


def _headline(status: dict[str, Any], runner: int | None) -> str:
    name = click.style(status["pipeline"], bold=True)
    if runner is None:
        return f"{name} is not running; this is how it was at {status['writtenAt']}"
    since = f"since {status['startedAt']} (pid {runner})"
    return f"{name} is {status['phase']} {since}, dashboard: {status['dashboard'] or 'not up yet'}"
