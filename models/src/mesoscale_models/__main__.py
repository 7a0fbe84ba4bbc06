"""`python -m mesoscale_models`: make models. `train fraud` trains on a history, judges, keeps and promotes."""

import argparse
import json
import sys
from pathlib import Path

from mesoscale.errors import MesoscaleError

RECORDS = 600_000
GENERATOR = ("per_second", "accounts", "fraud_rate")


def main(argv: list[str] | None = None) -> int:
    """Run one program.

    Returns:
        0 when it is done; otherwise the exit code of the error, which is told on standard error.
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.program(arguments)
    except MesoscaleError as error:
        for problem in error.problems:
            _say(f"error: {problem}")
        return error.exit_code
    return 0


def _train(arguments: argparse.Namespace) -> None:
    from mesoscale_models.training import fraud, payments, table

    settings = fraud.Settings(arguments.seed, arguments.miss_cost, arguments.alarm_cost, arguments.promote)
    if arguments.history:
        _say(f"reading {arguments.history}")
        history = payments.read(arguments.history)
    else:
        _say(f"making a history of {arguments.records:,} payments")
        history = payments.make(arguments.records, arguments.seed, _generator(arguments))
    card = fraud.train(history, arguments.home, settings, _say)
    told = json.dumps(card, indent=1, ensure_ascii=False) if arguments.output == "json" else table.render(card)
    sys.stdout.write(told + "\n")


def _generator(arguments: argparse.Namespace) -> list[str]:
    """How the streams' program is to make payments."""
    names = ("document", "source", *GENERATOR)
    given = ((name, getattr(arguments, name)) for name in names)
    return [part for name, value in given if value is not None for part in (f"--{name.replace('_', '-')}", str(value))]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mesoscale_models")
    programs = parser.add_subparsers(required=True)
    train = programs.add_parser("train", help="train a model, judge it, keep it")
    train.set_defaults(program=_train)
    train.add_argument("model", choices=["fraud"])
    train.add_argument(
        "--history", type=Path, help="payments to learn from, in the order of arrival: .arrow, .parquet or .ndjson"
    )
    train.add_argument("--document", type=Path, help="a pipeline whose synthetic source makes the history")
    train.add_argument("--source", help="which of its sources; not needed where only one is synthetic")
    train.add_argument("--per-second", type=float, help="without a document: payments a second")
    train.add_argument("--accounts", type=int, help="without a document: accounts that pay")
    train.add_argument("--fraud-rate", type=float, help="without a document: the part of payments that is fraud")
    train.add_argument("--records", type=int, default=RECORDS, help="payments of a history that is made (%(default)s)")
    train.add_argument("--seed", type=int, default=1, help="of the history and of the training (%(default)s)")
    train.add_argument("--miss-cost", type=float, default=50.0, help="what a missed fraud costs (%(default)s)")
    train.add_argument("--alarm-cost", type=float, default=2.0, help="what a false alarm costs (%(default)s)")
    train.add_argument("--promote", choices=["better", "always", "never"], default="better", help="(%(default)s)")
    train.add_argument("--home", type=Path, default=Path(".meso"), help="below which models/fraud/ lies (%(default)s)")
    train.add_argument("--output", choices=["text", "json"], default="text")
    return parser


if __name__ == "__main__":
    sys.exit(main())
