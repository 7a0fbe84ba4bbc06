"""What is started: a plan's workloads and services as programs of this machine; pure."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mesoscale.graph.types import NodeKind
from mesoscale.plan.types import Plan, Workload
from mesoscale_local.child import Program
from mesoscale_local.home import Home
from mesoscale_local.services.service import Command

# Lines come when they are printed; a program's last words are often what explains its end.
ENVIRONMENT = {"PYTHONUNBUFFERED": "1"}
NODE_GRACE = 20.0  # seconds that a node has to finish its batch
SERVICE_GRACE = 30.0  # seconds; Kafka writes its logs to disk, PostgreSQL a checkpoint


def of_plan(plan: Plan, document: Path, home: Home) -> Iterator[tuple[Workload, Program]]:
    """Every process of every workload."""
    for workload in plan.workloads:
        for instance in range(workload.replicas):
            yield workload, _node(workload, instance, document, home)


def name(node: str, instance: int) -> str:
    """`weather`, `weather.1`, `weather.2`: no node's name contains a dot."""
    return node if instance == 0 else f"{node}.{instance}"


def kinds(plan: Plan) -> dict[str, NodeKind]:
    return {workload.node: workload.kind for workload in plan.workloads}


def dashboard(document: Path, home: Home, listener: int) -> Program:
    """The dashboard, from whose state the driver reads how far the pipeline is.

    It is given the socket (`listener`, a descriptor), so its address is the same after a crash.
    """
    return Program(
        name="dashboard",
        argv=(
            *(sys.executable, "-m", "mesoscale_dashboard"),
            *("--document", str(document)),
            *("--bindings", str(home.bindings)),
            *("--listen", f"fd:{listener}"),
            *("--announce-dir", str(home.announced)),
        ),
        log=home.service_log("dashboard"),
        env=ENVIRONMENT,
        grace=5.0,
        sockets=(listener,),
    )


def provider(what: str, document: Path, home: Home) -> Program:
    """The program that brings about the `topics` or the tables (`schema`) of a document, and ends.

    What lies in our own broker and database is ours, whoever made it.
    """
    return _that_ends(what, ("--document", str(document), "--adopt"), home)


def remover(pipeline: str, topics: Sequence[str], nodes: Sequence[str], sinks: Sequence[str], home: Home) -> Program:
    """The program that deletes topics, the positions of nodes and the tables of sinks, and ends."""
    named = (("--topic", topics), ("--node", nodes), ("--sink", sinks))
    options = [part for option, names in named for name in names for part in (option, name)]
    return _that_ends("remove", ("--pipeline", pipeline, *options), home)


def trainer(model: str, document: Path, source: str, home: Home) -> Program:
    """The program that trains a model on payments such as a source of the document makes, and ends."""
    program = (sys.executable, "-m", "mesoscale_models", "train", model)
    where = ("--document", str(document), "--source", source, "--home", str(home.models.parent))
    log = home.service_log(f"train-{model}")
    return Program(name="train", argv=(*program, *where), log=log, env=ENVIRONMENT, may_end=True, grace=5.0)


def asked(what: str, arguments: Sequence[str], document: Path, home: Home) -> Program:
    """A program that ends and tells something on its standard output."""
    verb, *rest = arguments
    return _that_ends(what, (verb, "--document", str(document), *rest), home)


def service(name: str, command: Command, home: Home) -> Program:
    """A server. When we are killed it gets its own signal for an orderly stop, not kill -9."""
    return Program(
        name=name,
        argv=command.argv,
        log=home.service_log(name),
        env=command.env,
        cwd=command.cwd,
        stop_signal=command.stop,
        death_signal=command.stop,
        grace=SERVICE_GRACE,
    )


def _that_ends(what: str, arguments: Sequence[str], home: Home) -> Program:
    program = (sys.executable, "-m", "mesoscale_streams", what, *arguments, "--bindings", str(home.bindings))
    return Program(name=what, argv=program, log=home.service_log(what), env=ENVIRONMENT, may_end=True, grace=5.0)


def _node(workload: Workload, instance: int, document: Path, home: Home) -> Program:
    announce = home.announced / f"{workload.node}-{instance}.json"
    interpreter, *arguments = workload.argv
    return Program(
        name=name(workload.node, instance),
        argv=(
            sys.executable if interpreter == "python" else interpreter,
            *arguments,
            *("--document", str(document)),
            *("--bindings", str(home.bindings)),
            *("--instance", str(instance)),
            *("--announce", str(announce)),
            *(("--state", str(home.state / workload.node)) if workload.remembers else ()),
            *(("--models", str(home.models)) if workload.model else ()),
        ),
        log=home.log(name(workload.node, instance)),
        env=ENVIRONMENT,
        announce=announce,
        may_end=workload.kind == "source",
        grace=NODE_GRACE,
    )
