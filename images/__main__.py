"""The command `python -m images`: make images without an engine, and give them to the cluster."""

import argparse
import sys

from cluster import choose, progress
from cluster.errors import ClusterError
from images import build, recipe
from images.dockerfile import NotUnderstood

OURS = ("operator", "streams")


def main() -> int:
    """The exit code: 4 where something is missing or has failed, with the sentence that says so."""
    parser = argparse.ArgumentParser(prog="python -m images", description="Make images from their Dockerfiles.")
    parser.add_argument("name", nargs="*", default=OURS, help="operator, streams (these two by default), airflow")
    parser.add_argument("--load", action="store_true", help="give them to the cluster of `make cluster`, too")
    arguments = parser.parse_args()
    try:
        for name in arguments.name:
            _make(name, arguments.load)
    except (ClusterError, NotUnderstood, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    return 0


def _make(name: str, load: bool) -> None:
    read = recipe.read(name)
    with progress.step(read.tag):
        written = build.archive(read)
    if load:
        with progress.step(f"giving {read.tag} to the cluster"):
            choose.choose().load(written)
    print(written)


if __name__ == "__main__":
    sys.exit(main())
