"""The program: `python -m mesoscale_dashboard --document FILE --bindings DIR --listen HOST:PORT|fd:NUMBER`."""

import argparse
import faulthandler
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn

from mesoscale.errors import MesoscaleError, Problem, Reason, ServiceUnavailable
from mesoscale_dashboard import app
from mesoscale_dashboard.watch import Watch
from mesoscale_streams import environment, logs
from mesoscale_streams.ledger_reader import LedgerReader

DRAIN = 1  # seconds that open event streams get when the program is told to end


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code is that of the error that ended it, or 0."""
    faulthandler.enable()  # a crash in native code leaves its stack in the log
    arguments = _arguments().parse_args(argv)
    try:
        graph = environment.read_graph(arguments.document)
        bindings = environment.read_bindings(arguments.bindings)
        listener = listen(arguments.listen)
    except MesoscaleError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    logs.configure(graph.pipeline.name, "dashboard", 0)
    watch = Watch(lambda: LedgerReader(graph, bindings))
    settings = uvicorn.Config(
        app.create(graph, watch, bindings.kafka, arguments.announce_dir),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN,
    )
    # The server stops in order on a signal and then raises it again, for those who were there before: here, us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    uvicorn.Server(settings).run(sockets=[listener])
    return 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mesoscale_dashboard", description=__doc__)
    parser.add_argument("--document", type=Path, required=True, metavar="FILE", help="the pipeline's document")
    parser.add_argument("--bindings", type=Path, required=True, metavar="DIR", help="where the services are")
    parser.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        metavar="HOST:PORT|fd:NUMBER",
        help="where to serve, or the descriptor of a listening socket that was handed over (%(default)s)",
    )
    parser.add_argument(
        "--announce-dir",
        type=Path,
        metavar="DIR",
        help="files by which the nodes' processes tell where they are",
    )
    return parser


def listen(address: str) -> socket.socket:
    """A listening socket at `host:port` (port 0 takes a free one), or the one handed over as `fd:number`.

    Raises:
        ServiceUnavailable: the address is taken, or not one of this machine.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        if host == "fd":
            return socket.socket(fileno=int(port))
        return socket.create_server(
            (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128
        )
    except (OSError, ValueError) as error:
        raise ServiceUnavailable(
            Problem(
                Reason.PORT_TAKEN,
                f"the dashboard cannot listen at {address}: {error}",
                hint="choose another port",
            )
        ) from error


if __name__ == "__main__":
    sys.exit(main())
