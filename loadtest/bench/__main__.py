"""`make bench`: measure, print, write loadtest/results/*.json and their plots."""

import sys

from loadtest.bench import local_run, plot, streams
from loadtest.bench.measure import save

MEASURES = {"streams": streams.measure, "run": local_run.measure}


def main(names: list[str]) -> None:
    """Measure what is named, or everything."""
    for name in names or MEASURES:
        print(f"\n{name}", flush=True)
        save(name, MEASURES[name]())
        plot.draw(name)


if __name__ == "__main__":
    main(sys.argv[1:])
