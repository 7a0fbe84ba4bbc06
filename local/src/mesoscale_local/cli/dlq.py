"""`meso dlq`: the dead letters of a pipeline that runs: what was refused, and sending it back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mesoscale_local.cli import options

EXAMPLES = options.examples(
    "meso dlq list",
    "meso dlq show --node observations --reason OutOfRange --limit 3",
    "meso dlq redrive --node observations --since 1h --dry-run",
    "meso dlq redrive --letter weather/17 -o json",
)


@click.group("dlq", epilog=EXAMPLES)
def command() -> None:
    """List dead letters, show them, or send them back to where they were refused.

    In a cluster the same is `python -m mesoscale_streams dlq`, in the pod of any node.
    """


def _choice(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose letters, and where the pipeline is; texts are judged by the program that is asked."""
    for option in reversed(
        (
            click.option("--edge", multiple=True, metavar="NAME", help="Of records that this source or stage made."),
            click.option("--node", multiple=True, metavar="NAME", help="Refused by this source, stage or sink."),
            click.option("--reason", multiple=True, metavar="WORD", help="Refused for this, such as OutOfRange."),
            click.option("--letter", multiple=True, metavar="EDGE/OFFSET", help="This one."),
            click.option("--key", metavar="TEXT", help="Of records with this key."),
            click.option("--since", metavar="TIME", help="Told since an instant, or 15m ago."),
            click.option("--until", metavar="TIME", help="Told before an instant, or 15m ago."),
            options.pipeline,
            options.home_folder,
            options.output("text", "json"),
        )
    ):
        function = option(function)
    return function


@command.command("list")
@_choice
def list_(**chosen: Any) -> None:
    """Tell for each edge, node and reason how many letters there are, the first, the last and the newest detail."""
    _ask("list", [], **chosen)


@command.command()
@_choice
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="At most so many, the newest.")
def show(limit: int, **chosen: Any) -> None:
    """Show letters whole: position, reason, detail, contract, history, key and value."""
    _ask("show", ["--limit", str(limit)], **chosen)


@command.command()
@_choice
@click.option("--limit", type=click.IntRange(0), help="At most so many, the oldest that were not sent back yet.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
def redrive(limit: int | None, dry_run: bool, **chosen: Any) -> None:
    """Send letters back to where they were refused, each once, however often this is called.

    Letters whose record would break its contract again stay where they are, and are told.
    """
    more = [*(["--limit", str(limit)] if limit is not None else []), *(["--dry-run"] if dry_run else [])]
    _ask("redrive", more, **chosen)


def _ask(verb: str, more: list[str], pipeline: str | None, home_folder: Path, **chosen: Any) -> None:
    from mesoscale_local import asking, choose, programs

    home = choose.home(home_folder, pipeline, None)
    asking.demand_running(home)
    arguments = [verb, *more, *_arguments(chosen)]
    click.echo(asking.ask(programs.asked("dlq", arguments, home.document, home)), nl=False)


def _arguments(chosen: dict[str, Any]) -> list[str]:
    """The options as they were given: `--name=value` also where a value begins with a hyphen."""
    given = {name: value if isinstance(value, tuple) else (value,) for name, value in chosen.items()}
    return [f"--{name}={value}" for name, values in given.items() for value in values if value is not None]
