"""`meso replay`: a stage or sink of a pipeline that runs, once more over a range of its input."""

from pathlib import Path

import click

from mesoscale_local.cli import options

EXAMPLES = options.examples(
    "meso replay observations --from 1h --shadow",
    "meso replay comfort --from 2024-03-01 --to 2024-03-02 --shadow -o json",
    "meso replay observations --from 0:1200,1:0",
    "meso replay observations --drop-shadows",
)
RANGE = "An instant, 15m ago, offsets as 0:1200,1:0, earliest or latest."


@click.command("replay", epilog=EXAMPLES)
@click.argument("node")
@click.option("--from", "begin", default="earliest", show_default=True, metavar="RANGE", help=RANGE)
@click.option("--to", "end", default="latest", show_default=True, metavar="RANGE", help="The same.")
@click.option("--shadow", is_flag=True, help="Leave the rows in a table beside the live one, which stays as it is.")
@click.option("--drop-shadows", is_flag=True, help="Only drop the tables of earlier replays of the node.")
@click.option("-f", "--file", metavar="DOCUMENT", type=click.Path(), help="Another document than the one that runs.")
@options.pipeline
@options.home_folder
@options.output("text", "json")
def command(
    node: str,
    begin: str,
    end: str,
    shadow: bool,
    drop_shadows: bool,
    file: str | None,
    pipeline: str | None,
    home_folder: Path,
    output: str,
) -> None:
    """Run NODE over a range once more, tell how its rows differ from the live ones, and put them in their place.

    The live node goes on meanwhile, and its position stays. A step is taken as it stands beside the document now. With
    --shadow the live table stays as it is. Without, rows of one identity take each other's place; where there is no
    identity, or a topic would get its records twice, that is refused.
    """
    from mesoscale_local import asking, choose, programs

    home = choose.home(home_folder, pipeline, None)
    asking.demand_running(home)
    document = Path(file or choose.status(home)["document"])
    flags = [*(["--shadow"] if shadow else []), *(["--drop-shadows"] if drop_shadows else [])]
    arguments = [node, f"--from={begin}", f"--to={end}", *flags, f"--output={output}"]
    click.echo(asking.ask(programs.asked("replay", arguments, document, home)), nl=False)
