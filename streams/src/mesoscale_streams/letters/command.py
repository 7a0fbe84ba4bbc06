"""`dlq list | show | redrive`: the command line of dead letters. What it tells goes to standard output."""

import argparse
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mesoscale_streams import environment, logs

if TYPE_CHECKING:
    from mesoscale.bindings import Kafka
    from mesoscale.graph.types import Graph
    from mesoscale_streams.kafka.letters import Letter
    from mesoscale_streams.letters.choice import Choice

FEW = 20  # letters that are shown where nobody says how many


def add(parser: argparse.ArgumentParser) -> None:
    """The options of `dlq`."""
    kinds = parser.add_subparsers(required=True)
    for name, program, words in (
        ("list", _list, "how many there are for each edge, node and reason"),
        ("show", _show, "the newest ones whole, oldest first"),
        ("redrive", _redrive, "send letters back to where they were refused, each once"),
    ):
        kind = kinds.add_parser(name, help=words)
        kind.set_defaults(program=program, speaker="dlq")
        _add_choice(kind)
        if name == "show":
            kind.add_argument("--limit", type=int, default=FEW, help="at most so many, the newest (%(default)s)")
        if name == "redrive":
            kind.add_argument("--limit", type=int, help="at most so many, the oldest that were not sent back yet")
            kind.add_argument("--dry-run", action="store_true", help="say what would happen, and do nothing")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", type=Path, required=True, help="the WeatherPipeline, as YAML")
    parser.add_argument("--bindings", type=Path, required=True, help="folder with one folder per service")
    parser.add_argument("--edge", action="append", default=[], help="of records that this source or stage made")
    parser.add_argument("--node", action="append", default=[], help="refused by this source, stage or sink")
    parser.add_argument("--reason", action="append", default=[], help="such as OutOfRange; docs/reasons.md lists them")
    parser.add_argument("--letter", action="append", default=[], metavar="EDGE/OFFSET", help="this one")
    parser.add_argument("--key", help="of records with this key")
    parser.add_argument("--since", help="told since then: an instant, or 15m for a quarter of an hour ago")
    parser.add_argument("--until", help="told before then")
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _list(arguments: argparse.Namespace) -> None:
    from mesoscale_streams.letters import report

    with _letters(arguments) as (letters, redriven):
        told = report.groups(letters, redriven)
    _say(arguments, report.groups_text(told), told)


def _show(arguments: argparse.Namespace) -> None:
    from mesoscale_streams.letters import report

    with _letters(arguments) as (letters, redriven):
        told = [report.letter(one, redriven) for one in deque(letters, maxlen=max(0, arguments.limit))]
    _say(arguments, [line for one in told for line in report.letter_text(one)] or ["no such dead letters"], told)


def _redrive(arguments: argparse.Namespace) -> None:
    from mesoscale_streams.letters import redrive, report

    choice, graph, kafka = _chosen(arguments)
    told = report.outcome(
        graph.pipeline.name, redrive.redrive(graph, kafka, choice, arguments.limit, arguments.dry_run)
    )
    _say(arguments, report.outcome_text(told), told)


@contextmanager
def _letters(arguments: argparse.Namespace) -> "Iterator[tuple[Iterable[Letter], Mapping[str, str]]]":
    from mesoscale import naming
    from mesoscale_streams.kafka import refusals
    from mesoscale_streams.kafka.letters import LettersReader
    from mesoscale_streams.kafka.redriven import RedrivenReader

    choice, graph, kafka = _chosen(arguments)
    with (
        refusals.told("tell the dead letters"),
        closing(LettersReader(kafka, graph.pipeline.name)) as reader,
        closing(RedrivenReader(kafka, naming.redriven_topic(graph.pipeline.name))) as redriven,
    ):
        marks = dict(redriven.read().letters)
        topics = [(edge.producer, edge.dead_letter_topic) for edge in choice.of(graph)]
        found = (one for edge, topic in topics for one in reader.read(edge, topic, choice.since))
        yield (one for one in found if choice.takes(one)), marks


def _chosen(arguments: argparse.Namespace) -> "tuple[Choice, Graph, Kafka]":
    from mesoscale_streams.letters.choice import choose

    graph = environment.read_graph(arguments.document)
    logs.configure(graph.pipeline.name, "dlq", 0)
    kafka = environment.read_bindings(arguments.bindings).demand_kafka("dlq")
    choice = choose(
        graph,
        datetime.now(UTC),
        edges=arguments.edge,
        nodes=arguments.node,
        reasons=arguments.reason,
        names=arguments.letter,
        key=arguments.key,
        since=arguments.since,
        until=arguments.until,
    )
    return choice, graph, kafka


def _say(arguments: argparse.Namespace, lines: list[str], told: object) -> None:
    text = json.dumps(told, ensure_ascii=False, indent=1) if arguments.output == "json" else "\n".join(lines)
    sys.stdout.write(f"{text}\n")
