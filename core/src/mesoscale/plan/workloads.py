"""The programs to run: one workload for each node."""

from typing import Literal

from mesoscale.graph.types import Graph, Node
from mesoscale.model.sink import Sink
from mesoscale.model.source import Source
from mesoscale.model.stage import SCORING, Stage
from mesoscale.plan import remembered
from mesoscale.plan.types import Workload


def plan(graph: Graph) -> tuple[Workload, ...]:
    """A workload per node, in the graph's order."""
    return tuple(
        Workload(
            node=node.name,
            kind=node.kind,
            argv=("python", "-m", "mesoscale_streams", "run", node.name),
            replicas=node.scale.min,
            needs=_needs(node),
            reads=_reads(node.section) if isinstance(node.section, Source) else "",
            model=SCORING.get(node.section.use or "", "") if isinstance(node.section, Stage) else "",
            remembers=remembered.of(node.section) if isinstance(node.section, Stage) else "",
            secret=node.section.webhook.secret if isinstance(node.section, Sink) and node.section.webhook else "",
            resets=isinstance(node.section, Stage) and node.section.state is not None and node.section.state.reset,
        )
        for node in graph.nodes
    )


def _reads(source: Source) -> str:
    """Rows of a data set and bytes of a file are those of one; payments are made up by number, however many."""
    if source.replay is None:
        return source.kind
    return f"replay dataset {source.replay.dataset}" if source.replay.dataset else f"replay file {source.replay.file}"


def _needs(node: Node) -> tuple[Literal["kafka", "postgresql"], ...]:
    if isinstance(node.section, Sink) and node.section.kind == "table":
        return ("kafka", "postgresql")
    return ("kafka",)
