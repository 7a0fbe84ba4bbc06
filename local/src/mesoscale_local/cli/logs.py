"""`meso logs`: what the programs of a pipeline said."""

from pathlib import Path

import click

from mesoscale_local.cli import options

EXAMPLES = options.examples(
    "meso logs", "meso logs weather --tail 100", "meso logs observations -f", "meso logs kafka -p nyc -o json"
)


@click.command("logs", epilog=EXAMPLES)
@click.argument("node", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is said from now on.")
@click.option("--tail", type=click.IntRange(0), default=20, show_default=True, help="How many lines of each log.")
@options.pipeline
@options.home_folder
@options.output("text", "json")
def command(node: str | None, follow: bool, tail: int, pipeline: str | None, home_folder: Path, output: str) -> None:
    """Print the log of a node or service (kafka, postgres, dashboard), or of all nodes.

    JSON prints the lines as they were written.
    """
    from mesoscale_local import choose, loglines

    files = choose.logs(choose.home(home_folder, pipeline, None), node)
    prefixed = len(files) > 1
    for name, line in loglines.read(files, tail, follow):
        text = line if output == "json" else loglines.for_people(line)
        click.echo(f"{click.style(name, fg='cyan')} {text}" if prefixed and output == "text" else text)
