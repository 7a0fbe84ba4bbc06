"""`make bench`: measure, print, write loadtest/results/*.json and their plots."""

import argparse

from loadtest.bench import codec, hop, local_run, plot, sink
from loadtest.bench.measure import conditions, save

RECORDS = 1_000_000
MEASURES = {"codec": codec.measure, "hop": hop.measure, "sink": sink.measure, "run": local_run.measure}


def main() -> None:
    """Measure what is named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=list(MEASURES), help="what to measure; without names everything")
    parser.add_argument("--records", type=int, default=RECORDS, help="sent through Kafka in each run")
    arguments = parser.parse_args()
    for name in arguments.names or MEASURES:
        print(f"\n{name}", flush=True)
        shared = conditions()
        save(name, MEASURES[name](arguments.records), shared)
        plot.draw(name)


if __name__ == "__main__":
    main()
