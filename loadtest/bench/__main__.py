"""`make bench`, `make bench-streams`: measure, print, write loadtest/results/*.json and their plots."""

import argparse
import importlib
import os
import sys

from loadtest.bench import codec, fraud, hop, local_run, plot, sink
from loadtest.bench.measure import RUNS, conditions, save, show
from loadtest.bench.streams import parts

RECORDS = 1_000_000
MEASURES = {
    "codec": codec.measure,
    "hop": hop.measure,
    "sink": sink.measure,
    "run": local_run.measure,
    "fraud": fraud.measure,
}
STREAMS = "streams"  # takes half an hour and other engines' packages, so it is measured only where it is named

IN_A_CLUSTER = {"operator": "loadtest.bench.operator.command", "nyc-in-cluster": "loadtest.bench.nyc_in_cluster"}
"""Programs with options of their own; loaded when asked for, as they need the operator's packages."""


def main() -> None:
    """Measure what is named, or everything but the streams and what needs a cluster."""
    if sys.argv[1:2] and sys.argv[1] in IN_A_CLUSTER:
        importlib.import_module(IN_A_CLUSTER[sys.argv[1]]).main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MEASURES, STREAMS], help="what to measure")
    parser.add_argument("--records", type=int, default=RECORDS, help="sent through Kafka in each run")
    parser.add_argument("--only", nargs="+", choices=parts.NAMES, help="of streams: some parts, which are not saved")
    parser.add_argument("--runs", type=int, default=RUNS, help="of streams: at most so many, which are not saved")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start of a program compiles all its modules anew
    for name in arguments.names or MEASURES:
        print(f"\n{name}", flush=True)
        shared = conditions()
        if name == STREAMS:
            figures = parts.measure(arguments.records, arguments.only or parts.NAMES, arguments.runs)
        else:
            figures = MEASURES[name](arguments.records)
        show(figures)
        if not arguments.only and arguments.runs == RUNS:
            save(name, figures, shared)
            plot.draw(name)


if __name__ == "__main__":
    main()
