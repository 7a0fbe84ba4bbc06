"""`python -m mesoscale_streams run NODE`: pick a node of a document and run it until it ends or is told to stop."""

import argparse
import faulthandler
import logging
import signal
import sys
import threading
from pathlib import Path

from mesoscale.errors import MesoscaleError
from mesoscale_streams import environment, logs, probes, programs

log = logging.getLogger("mesoscale_streams")


def main(argv: list[str] | None = None) -> int:
    """Run one node.

    Returns:
        0 when it ended or was told to stop, and all it had read is safe; otherwise the exit code of the error.
    """
    arguments = _parser().parse_args(argv)
    faulthandler.enable()  # a crash in native code leaves its stack in the log
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        here = environment.read(arguments.document, arguments.bindings, arguments.node, arguments.instance)
        logs.configure(here.pipeline, here.node.name, here.instance)
        health = probes.Health()
        address = probes.serve(health, arguments.listen)
        if arguments.announce:
            environment.announce(arguments.announce, here, address)
        log.info("begun", extra={"metrics": address})
        programs.run(here, health, stop)
        log.info("told to stop" if stop.is_set() else "ended")
    except MesoscaleError as error:
        log.error("%s", error)
        return error.exit_code
    except Exception as error:
        # The last line of a log is what people are shown, so it says what happened in one line.
        log.exception("%s: %s", type(error).__name__, error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mesoscale_streams")
    run = parser.add_subparsers(required=True).add_parser("run", help="run one node of a document")
    run.add_argument("node", help="a source, stage or sink of the document")
    run.add_argument("--document", type=Path, required=True, help="the WeatherPipeline, as YAML")
    run.add_argument("--bindings", type=Path, required=True, help="folder with one folder per service")
    run.add_argument("--instance", type=int, default=0, help="which of the node's processes this is, from 0")
    run.add_argument("--listen", default="127.0.0.1:0", help="host:port of /metrics, /healthz and /readyz")
    run.add_argument("--announce", type=Path, help="file to write when started: node, instance, pid, metrics address")
    return parser


if __name__ == "__main__":
    sys.exit(main())
