"""`meso run`: run a pipeline on this machine."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesoscale_local.cli import options

if TYPE_CHECKING:
    from mesoscale_local.run import Outcome

EXAMPLES = options.examples(
    "meso run examples/nyc.yaml",
    "meso run examples/minimal.yaml --fresh --until-done --output json",
    "meso run examples/nyc.yaml --home /var/tmp/meso --dashboard-port 9000 --no-dashboard-open",
)
INTERRUPTED = 130  # 128 + SIGINT: asked to run until done, but told to stop before


@click.command("run", epilog=EXAMPLES)
@options.document
@options.home_folder
@options.output("text", "json")
@click.option("--fresh", is_flag=True, help="Delete what this pipeline stored before, and start over.")
@click.option("--until-done", is_flag=True, help="Stop when every source has ended and all is worked off.")
@click.option("--accept-data-loss", is_flag=True, help="Make changes that lose stored data; `meso plan` shows them.")
@click.option("--dashboard-port", type=click.IntRange(1, 65535), metavar="PORT", help="Where the dashboard listens.")
@click.option(
    "--dashboard-open/--no-dashboard-open",
    default=True,
    help="Whether to open it in a browser; only from a terminal of a desktop.",
)
def command(
    document: str,
    home_folder: Path,
    output: str,
    fresh: bool,
    until_done: bool,
    accept_data_loss: bool,
    dashboard_port: int | None,
    dashboard_open: bool,
) -> int:
    """Run a pipeline: real Kafka, real PostgreSQL, one process per node, and a dashboard.

    Progress goes to standard error. Ctrl-C stops all in order, twice in a hurry; the next run goes on where this one
    stopped. Exit code 1 means that the ledger does not add up.
    """
    from mesoscale_local import documents
    from mesoscale_local.run import Options, run
    from mesoscale_local.screen import Screen

    chosen = Options(
        home=home_folder,
        fresh=fresh,
        until_done=until_done,
        accept_data_loss=accept_data_loss,
        dashboard_port=dashboard_port,
        on_dashboard=_open if dashboard_open and _on_a_desktop() and not until_done else lambda address: None,
    )
    return _conclude(run(documents.read(document), chosen, Screen()), output, until_done)


def _conclude(outcome: "Outcome", output: str, until_done: bool) -> int:
    from mesoscale_local import report

    problems = outcome.verdict.problems if outcome.verdict else outcome.reading.problems if outcome.reading else ()
    if output == "json":
        click.echo(json.dumps(report.result(outcome.reading, problems), ensure_ascii=False))
    else:
        click.echo("\n".join(report.conclusion(outcome.reading, problems)))
    if problems:
        return 1
    return INTERRUPTED if until_done and outcome.verdict is None else 0


def _on_a_desktop() -> bool:
    return sys.stderr.isatty() and bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
