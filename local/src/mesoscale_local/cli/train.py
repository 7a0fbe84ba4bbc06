"""`meso train`: train a model, judge it beside plain rules, and promote it if it is the better one."""

import subprocess
import sys
from pathlib import Path

import click

from mesoscale_local.cli import options

EXAMPLES = options.examples(
    "meso train fraud examples/fraud.yaml",
    "meso train fraud examples/fraud.yaml --records 1000000 --seed 3 -o json",
    "meso train fraud --history payments.parquet --miss-cost 120 --alarm-cost 3",
)


@click.command("train", epilog=EXAMPLES)
@click.argument("model", type=click.Choice(["fraud"]))
@click.argument("document", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--source", metavar="NAME", help="Which synthetic source of the document, if it has several.")
@click.option(
    "--history",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Learn from these payments: .arrow, .parquet or .ndjson, in the order of arrival.",
)
@click.option("--records", type=click.IntRange(1), help="Make so many payments to learn from.")
@click.option("--seed", type=click.IntRange(0), help="Of the payments that are made, and of the training.")
@click.option("--miss-cost", type=click.FloatRange(0), help="What a missed fraud costs.")
@click.option("--alarm-cost", type=click.FloatRange(0), help="What a false alarm costs, in the same currency.")
@click.option("--promote", type=click.Choice(["better", "always", "never"]), help="Whether it becomes the champion.")
@options.home_folder
@options.output("text", "json")
@click.pass_context
def command(
    context: click.Context,
    /,
    model: str,
    document: Path | None,
    history: Path | None,
    home_folder: Path,
    output: str,
    **chosen: object,
) -> None:
    """Train MODEL on payments such as the synthetic source of DOCUMENT makes, or on recorded ones.

    The history is cut by time: the first part to learn from, the middle to calibrate and to choose the threshold of the
    least cost, the end to judge by. A version is kept below --home; the best one so far scores.
    """
    given = {"document": document, "history": history, "home": home_folder, "output": output, **chosen}
    program = [sys.executable, "-m", "mesoscale_models", "train", model]
    for name, value in given.items():
        if value is not None:
            program += [f"--{name.replace('_', '-')}", str(value)]
    context.exit(subprocess.run(program, check=False).returncode)
