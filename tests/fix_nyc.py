"""examples/nyc.yaml, running: one for all tests of a module, which look at it without disturbing it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_meso import MesoRun

NYC = Path(__file__).parents[1] / "examples" / "nyc.yaml"


def free_port() -> int:
    """A port of this machine that nobody listens at; runs beside each other would all take the default one."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.fixture(scope="module")  # it takes half a processor for as long as it runs
def nyc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MesoRun]:
    """Kafka, PostgreSQL, all nodes and the dashboard, with payments stored already."""
    folder, port = tmp_path_factory.mktemp("nyc"), str(free_port())
    run = MesoRun(folder, NYC, "--fresh", "--no-dashboard-open", "--dashboard-port", port)
    try:
        run.wait_for(lambda status: status.get("tables", {}).get("payment-history", 0) > 1000, "payments")
        yield run
    finally:
        if run.process.poll() is None:
            run.stop()
        assert run.leaves_nothing(), run.left_behind()


@pytest.fixture
def dashboard(nyc: MesoRun) -> str:
    """The address of its dashboard."""
    return str(nyc.status()["dashboard"])
