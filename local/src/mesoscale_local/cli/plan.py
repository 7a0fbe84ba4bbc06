"""`meso plan`: what `meso run` would change."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesoscale_local.cli import options

if TYPE_CHECKING:
    from mesoscale.diff import Change, Changes

EXAMPLES = options.examples("meso plan examples/nyc.yaml", "meso plan examples/nyc.yaml -o json")
SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}
REFUSED = 3  # the exit code of PlanRefused


@click.command("plan", epilog=EXAMPLES)
@options.document
@options.home_folder
@options.output("text", "json")
def command(document: str, home_folder: Path, output: str) -> int:
    """Show the difference between a document and what was applied last.

    \b
    +  is created     ~  is changed     -  is removed
    !  data is lost, for which `meso run` wants --accept-data-loss
    x  is refused, with the reason (exit code 3)
    """
    from mesoscale.diff import diff
    from mesoscale_local import documents
    from mesoscale_local.home import Home

    read = documents.read(document)
    plan = read.plan()
    home = Home.of(home_folder, plan.pipeline)
    changes, forbidden = diff(home.read_applied(), plan), read.forbidden_changes(home.read_document())
    if output == "json":
        told = {"changes": [asdict(change) for change in changes], "refused": [str(problem) for problem in forbidden]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for change in changes:
            click.echo(_line(change))
        for problem in forbidden:
            click.echo(click.style(f"x refused: {problem}", fg="red", bold=True))
        click.echo(_summary(changes))
    return REFUSED if changes.forbidden or forbidden else 0


def _line(change: "Change") -> str:
    sign, color = SIGNS[change.action]
    text = f"{sign} {change.kind} {change.name}" + (f": {change.detail}" if change.detail else "")
    line = click.style(text, fg=color)
    if change.forbidden_reason:
        line += "\n  " + click.style(f"x refused: {change.forbidden_reason}", fg="red", bold=True)
    elif change.loses_data:
        line += "\n  " + click.style("! data is lost", fg="red", bold=True)
    return line


def _summary(changes: "Changes") -> str:
    if not len(changes):
        return "nothing to change"
    counted = [sum(change.action == action for change in changes) for action in SIGNS]
    text = "{} to create, {} to change, {} to remove".format(*counted)
    if changes.losing:
        text += f"; {len(changes.losing)} of them lose data"
    if changes.forbidden:
        text += f"; {len(changes.forbidden)} refused"
    return text
