"""The options that several commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def document(function: Callable[..., Any]) -> Callable[..., Any]:
    """DOCUMENT or `-f DOCUMENT`, as users of kubectl expect; the function gets `document`, a file name or `-`."""

    @click.argument("positional", metavar="[DOCUMENT]", required=False, type=click.Path())
    @click.option(
        "-f",
        "--file",
        "option",
        metavar="DOCUMENT",
        type=click.Path(),
        help="The document; - reads it from standard input.",
    )
    @functools.wraps(function)
    def command(*args: Any, positional: str | None, option: str | None, **kwargs: Any) -> Any:
        if (positional is None) == (option is None):
            raise click.UsageError("Name one document: DOCUMENT or -f DOCUMENT.", click.get_current_context())
        return function(*args, document=positional or option, **kwargs)

    return command


def output(*formats: str) -> Callable[[Command], Command]:
    """`--output`, the first format by default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Text for people or JSON for scripts." if "text" in formats else "The format.",
    )


home_folder = click.option(
    "--home",
    "home_folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".meso",
    show_default=True,
    envvar="MESO_HOME",
    show_envvar=True,
    help="Where pipelines keep what they need; one folder for each.",
)

pipeline = click.option(
    "-p",
    "--pipeline",
    metavar="NAME",
    help="Which pipeline; may be left out where only one was run here.",
)


def examples(*lines: str) -> str:
    """The end of a help text, one example a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
