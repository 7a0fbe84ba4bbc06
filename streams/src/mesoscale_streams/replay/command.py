"""`replay NODE`: the command line of replays. What it tells goes to standard output."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from mesoscale_streams import environment, logs


def add(parser: argparse.ArgumentParser) -> None:
    """The options of `replay`."""
    parser.set_defaults(program=_replay, speaker="replay")
    parser.add_argument("node", help="a stage or sink of the document")
    parser.add_argument("--document", type=Path, required=True, help="the WeatherPipeline, as YAML")
    parser.add_argument("--bindings", type=Path, required=True, help="folder with one folder per service")
    words = "an instant, 15m for a quarter of an hour ago, offsets as 0:1200,1:0, earliest or latest"
    parser.add_argument("--from", dest="begin", default="earliest", help=f"{words} (%(default)s)")
    parser.add_argument("--to", dest="end", default="latest", help="the same; no further than the live node has read")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--shadow", action="store_true", help="leave the rows in a table beside the live one")
    kind.add_argument("--drop-shadows", action="store_true", help="only drop the tables of earlier replays of the node")
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _replay(arguments: argparse.Namespace) -> None:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # as the node itself runs
    from mesoscale_streams.replay import bounds, replay, report
    from mesoscale_streams.sinks import database, shadow

    here = environment.read(arguments.document, arguments.bindings, arguments.node, 0)
    logs.configure(here.pipeline, "replay", 0)
    if arguments.drop_shadows:
        with database.told("drop the shadows"):
            binding = here.bindings.demand_postgresql("replay")
            gone = [name for table, _ in replay.tables(here) for name in shadow.drop_all(binding, table)]
        _say(arguments, [f"dropped: {name}" for name in gone] or ["no shadows"], {"dropped": gone})
        return
    now = datetime.now(UTC)
    asked = bounds.parse("--from", arguments.begin, now), bounds.parse("--to", arguments.end, now)
    told = report.data(here.pipeline, replay.replay(here, asked, live=not arguments.shadow))
    _say(arguments, report.text(told), told)


def _say(arguments: argparse.Namespace, lines: list[str], told: object) -> None:
    text = json.dumps(told, ensure_ascii=False, indent=1) if arguments.output == "json" else "\n".join(lines)
    sys.stdout.write(f"{text}\n")
