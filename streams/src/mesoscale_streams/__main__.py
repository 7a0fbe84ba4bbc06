"""`python -m mesoscale_streams`: run a node of a document, or bring about what its nodes need.

    run NODE      run a source, stage or sink until it ends or is told to stop
    topics        make or alter the topics of a document
    schema        make the tables of a document, or bring them forward to its contracts
    payments      write a stretch of made-up payments to a file, for a model to learn from
    remove        delete topics, tables and positions that no document names any more
    dlq           list dead letters, show them, or send them back
    replay NODE   run a stage or sink once more over a range of its input, beside the live one

Each imports what it needs only when it is chosen: those that end are to be quick.
"""

import argparse
import faulthandler
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from mesoscale.errors import MesoscaleError
from mesoscale_streams import environment, logs
from mesoscale_streams.letters import command as letters
from mesoscale_streams.replay import command as replay

log = logging.getLogger("mesoscale_streams")

RUN_PATIENCE = 600.0  # seconds that a node waits for its topics and tables
TOPICS_PATIENCE = 30.0  # seconds that the brokers have for one answer
SCHEMA_PATIENCE = 120.0  # seconds that a change of tables waits for the database and for locks


def main(argv: list[str] | None = None) -> int:
    """Run one program.

    Returns:
        0 when it ended or was told to stop, and all it had read is safe; otherwise the exit code of the error.
    """
    arguments = _parser().parse_args(argv)
    faulthandler.enable()  # a crash in native code leaves its stack in the log
    logs.configure(None, arguments.speaker, 0)
    try:
        arguments.program(arguments)
    except MesoscaleError as error:
        log.error("%s", error, extra=logs.problems(error))
        return error.exit_code
    except Exception as error:
        # The last line of a log is what people are shown, so it says what happened in one line.
        log.exception("%s: %s", type(error).__name__, error)
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    # More work is done by more programs, one a core. A batch is too small to share: threads that wait for pieces of it
    # and find none spin. Polars reads this when it is imported.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from mesoscale_streams import probes, programs
    from mesoscale_streams.prerequisites import Prerequisites

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    here = environment.read(
        arguments.document, arguments.bindings, arguments.node, arguments.instance, arguments.state, arguments.models
    )
    logs.configure(here.pipeline, here.node.name, here.instance)
    health = probes.Health()
    address = probes.serve(health, arguments.listen)
    if arguments.announce:
        environment.announce(arguments.announce, here, address)
    log.info("begun", extra={"metrics": address})
    prerequisites = Prerequisites(here)
    prerequisites.wait(health, stop, arguments.patience)
    if not stop.is_set():
        prerequisites.watch(stop)
        with prerequisites.blamed():
            programs.run(here, health, stop)
    log.info("told to stop" if stop.is_set() else "ended")
    if arguments.stay:
        health.rest(stop)


def _topics(arguments: argparse.Namespace) -> None:
    from mesoscale_streams import provision

    graph = environment.read_graph(arguments.document)
    logs.configure(graph.pipeline.name, "topics", 0)
    bound = environment.read_bindings(arguments.bindings)
    provision.topics(graph, bound, arguments.adopt, arguments.patience)


def _schema(arguments: argparse.Namespace) -> None:
    from mesoscale_streams import provision

    graph = environment.read_graph(arguments.document)
    logs.configure(graph.pipeline.name, "schema", 0)
    bound = environment.read_bindings(arguments.bindings)
    provision.schema(graph, bound, arguments.adopt, arguments.patience)


def _remove(arguments: argparse.Namespace) -> None:
    from mesoscale_streams import provision

    logs.configure(arguments.pipeline, "remove", 0)
    bound = environment.read_bindings(arguments.bindings)
    provision.remove(bound, arguments.pipeline, arguments.topic, arguments.node, arguments.sink)


def _payments(arguments: argparse.Namespace) -> None:
    from mesoscale.model.source import Synthetic
    from mesoscale_streams.sources import history

    if arguments.document:
        section = history.section(environment.read_graph(arguments.document), arguments.source)
    else:
        given = {name: getattr(arguments, name) for name in ("per_second", "accounts", "fraud_rate")}
        section = Synthetic(**{name: value for name, value in given.items() if value is not None})
    history.write(section, arguments.seed, arguments.records, arguments.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mesoscale_streams")
    kinds = parser.add_subparsers(required=True)
    _add_run(kinds.add_parser("run", help="run one node of a document"))
    _add_topics(kinds.add_parser("topics", help="bring about the topics of a document"))
    _add_schema(kinds.add_parser("schema", help="bring about the tables of a document"))
    _add_payments(kinds.add_parser("payments", help="write made-up payments to a file"))
    _add_remove(kinds.add_parser("remove", help="delete what no document names any more"))
    replay.add(kinds.add_parser("replay", help="run a node once more over a range of its input"))
    letters.add(kinds.add_parser("dlq", help="list dead letters, show them, or send them back"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(program=_run, speaker="run")
    parser.add_argument("node", help="a source, stage or sink of the document")
    _add_document(parser)
    index = environment.POD_INDEX
    parser.add_argument(
        "--instance", type=int, help=f"which of the node's processes this is, from 0 (${index}, else 0)"
    )
    parser.add_argument("--listen", default="127.0.0.1:0", help="host:port of /metrics, /healthz and /readyz")
    parser.add_argument(
        "--announce", type=Path, help="file to write when started: node, instance, pid, metrics address"
    )
    parser.add_argument(
        "--state", type=Path, help="folder for copies of what a stage remembers, which spare a restart time"
    )
    parser.add_argument("--models", type=Path, help="folder of trained models, for a stage that scores with one")
    parser.add_argument(
        "--stay", action="store_true", help="rest when the source has ended, where whoever ends is started again"
    )
    _add_patience(parser, RUN_PATIENCE, "topics and tables")


def _add_topics(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(program=_topics, speaker="topics")
    _add_document(parser)
    parser.add_argument("--adopt", action="store_true", help="take over topics that somebody else has made")
    _add_patience(parser, TOPICS_PATIENCE, "each answer of the brokers")


def _add_schema(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(program=_schema, speaker="schema")
    _add_document(parser)
    parser.add_argument("--adopt", action="store_true", help="take over tables that somebody else has made")
    _add_patience(parser, SCHEMA_PATIENCE, "the database, and for locks that others hold")


def _add_remove(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(program=_remove, speaker="remove")
    _add_bindings(parser)
    parser.add_argument("--pipeline", required=True, help="whose")
    parser.add_argument("--topic", action="append", default=[], help="a topic to delete with its records")
    parser.add_argument("--node", action="append", default=[], help="a node whose positions are to be forgotten")
    parser.add_argument("--sink", action="append", default=[], help="a sink whose table is to be dropped")


def _add_payments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(program=_payments, speaker="payments")
    parser.add_argument("--out", type=Path, required=True, help="the Arrow file to write")
    parser.add_argument("--records", type=int, required=True, help="how many")
    parser.add_argument("--seed", type=int, required=True, help="whatever the document's source has")
    parser.add_argument("--document", type=Path, help="the WeatherPipeline whose synthetic source says how they are")
    parser.add_argument("--source", help="its name; not needed where there is one")
    parser.add_argument("--per-second", type=float, help="without a document")
    parser.add_argument("--accounts", type=int, help="without a document")
    parser.add_argument("--fraud-rate", type=float, help="without a document")


def _add_document(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", type=Path, required=True, help="the WeatherPipeline, as YAML")
    _add_bindings(parser)


def _add_bindings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bindings", type=Path, required=True, help="folder with one folder per service")


def _add_patience(parser: argparse.ArgumentParser, seconds: float, what: str) -> None:
    parser.add_argument("--patience", type=float, default=seconds, help=f"seconds to wait for {what} (%(default).0f)")


if __name__ == "__main__":
    sys.exit(main())
