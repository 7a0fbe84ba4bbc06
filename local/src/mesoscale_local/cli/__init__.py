"""The `meso` command: finds the subcommand, and turns every error into a sentence and an exit code."""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from mesoscale.errors import MesoscaleError

# Name → module and what `meso --help` says. A module is imported only when its command is called.
COMMANDS = (
    "validate",
    "render",
    "plan",
    "run",
    "status",
    "logs",
    "dlq",
    "replay",
    "train",
    "contracts",
    "uninstall",
    "completion",
)
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Commands(click.Group):
    """A group whose commands are modules of this package, imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"mesoscale_local.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


EXAMPLES = """\b
Examples:
  meso validate examples/nyc.yaml
  meso run examples/minimal.yaml --fresh --until-done --output json
  meso status
"""


@click.group(
    cls=Commands,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.version_option(package_name="mesoscale", prog_name="meso")
@click.pass_context
def commands(context: click.Context, debug: bool) -> None:
    """Validate, plan and run a WeatherPipeline on this machine."""
    context.ensure_object(dict)["debug"] = debug
    if os.environ.get("NO_COLOR"):  # no-color.org: any value that is not empty
        context.color = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 all well, 1 an open ledger, 2 a wrong document or command line, 3 a plan that
    cannot be made, 4 something around us is missing, 70 a bug, 130 interrupted."""
    sys.exit(call(arguments))


def call(arguments: Sequence[str] | None = None) -> int:
    """As `main`, but return the exit code."""
    settings = {"debug": False}
    try:
        code = commands.main(args=arguments, prog_name="meso", standalone_mode=False, obj=settings)
    except MesoscaleError as error:
        for problem in error.problems:
            click.echo(f"{click.style('error:', fg='red', bold=True)} {problem}", err=True, color=_color())
        return error.exit_code
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the last line of defence: a person gets one line, the traceback goes to a file
        _unexpected(error, settings["debug"])
        return UNEXPECTED
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception, debug: bool) -> None:
    story = "".join(traceback.format_exception(error))
    if debug:
        click.echo(story, err=True)
        return
    with tempfile.NamedTemporaryFile("w", prefix="meso-", suffix=".log", delete=False) as log:
        log.write(story)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    click.echo(f"error: this is a bug in meso: {what} (the traceback is in {log.name})", err=True)


def _color() -> bool | None:
    """None lets click decide by whether it writes to a terminal."""
    return False if os.environ.get("NO_COLOR") else None
