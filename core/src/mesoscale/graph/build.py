"""Pipeline → Graph: resolve references, order the nodes, refuse cycles and dangling names."""

from collections.abc import Callable

from mesoscale import naming
from mesoscale.contract import catalogue
from mesoscale.contract.types import Contract
from mesoscale.errors import DocumentRefused, Place, Problem, Reason, nearest
from mesoscale.graph import columns
from mesoscale.graph.types import Edge, Graph, Node
from mesoscale.model.pipeline import Pipeline
from mesoscale.model.sink import Sink
from mesoscale.model.source import Source
from mesoscale.model.stage import Stage

Path = tuple[str | int, ...]
Locate = Callable[[Path], Place | None]


def nowhere(path: Path) -> Place | None:
    """For pipelines that come from no text."""
    return None


def build(pipeline: Pipeline, locate: Locate = nowhere) -> Graph:
    """Resolve every `from` and `contract`.

    Raises:
        DocumentRefused: a name or column that refers to nothing, or stages that feed each other in a circle.
    """
    problems: list[Problem] = []
    contracts = _contracts(pipeline)
    producers = [source.name for source in pipeline.spec.sources] + [stage.name for stage in pipeline.spec.stages]

    def refer(path: Path, name: str, allowed: list[str], what: str) -> bool:
        if name in allowed:
            return True
        message = f'"{name}" is not {what} ({", ".join(sorted(allowed))})'
        problems.append(Problem(Reason.UNKNOWN_REFERENCE, message, locate(path), nearest(name, allowed)))
        return False

    for i, source in enumerate(pipeline.spec.sources):
        refer(("spec", "sources", i, "contract"), source.contract, list(contracts), "a contract")
    for i, stage in enumerate(pipeline.spec.stages):
        refer(("spec", "stages", i, "from"), stage.from_, producers, "a source or stage")
        if stage.contract is not None:
            refer(("spec", "stages", i, "contract"), stage.contract, list(contracts), "a contract")
    for i, sink in enumerate(pipeline.spec.sinks):
        refer(("spec", "sinks", i, "from"), sink.from_, producers, "a source or stage")
    if problems:
        raise DocumentRefused(problems)

    stages = _in_order(pipeline, locate)
    shape = {source.name: contracts[source.contract] for source in pipeline.spec.sources}
    for stage in stages:
        shape[stage.name] = contracts[stage.contract] if stage.contract else shape[stage.from_]
    if problems := [
        Problem(Reason.UNKNOWN_REFERENCE, one.message, locate(one.path), one.hint)
        for one in columns.unknown(pipeline.spec, shape)
    ]:
        raise DocumentRefused(problems)
    return Graph(pipeline=pipeline, nodes=_nodes(pipeline, stages), edges=_edges(pipeline, stages, shape))


def _contracts(pipeline: Pipeline) -> dict[str, Contract]:
    return catalogue.SHIPPED | {contract.name: contract for contract in pipeline.spec.contracts}


def _in_order(pipeline: Pipeline, locate: Locate) -> list[Stage]:
    """The stages, each after the one it reads from."""
    ready = {source.name for source in pipeline.spec.sources}
    waiting = list(pipeline.spec.stages)
    ordered: list[Stage] = []
    while waiting:
        free = [stage for stage in waiting if stage.from_ in ready]
        if not free:
            names = [stage.name for stage in waiting]
            index = pipeline.spec.stages.index(waiting[0])
            message = f"the stages {', '.join(names)} feed each other in a circle and no source reaches them"
            raise DocumentRefused(
                Problem(
                    Reason.CYCLE,
                    message,
                    locate(("spec", "stages", index, "from")),
                    "let one of them read from a source",
                )
            )
        ordered += free
        ready |= {stage.name for stage in free}
        waiting = [stage for stage in waiting if stage not in free]
    return ordered


def _nodes(pipeline: Pipeline, stages: list[Stage]) -> tuple[Node, ...]:
    sources = [Node(source.name, "source", source, None, source.name) for source in pipeline.spec.sources]
    middle = [Node(stage.name, "stage", stage, stage.from_, stage.name) for stage in stages]
    sinks = [Node(sink.name, "sink", sink, sink.from_, None) for sink in pipeline.spec.sinks]
    return (*sources, *middle, *sinks)


def _edges(pipeline: Pipeline, stages: list[Stage], shape: dict[str, Contract]) -> tuple[Edge, ...]:
    producers: list[Source | Stage] = [*pipeline.spec.sources, *stages]
    readers: list[Stage | Sink] = [*stages, *pipeline.spec.sinks]
    return tuple(
        Edge(
            producer=producer.name,
            topic=naming.topic(pipeline.name, producer.name),
            dead_letter_topic=naming.dead_letter_topic(pipeline.name, producer.name),
            contract=shape[producer.name],
            settings=producer.topic,
            consumers=tuple(reader.name for reader in readers if reader.from_ == producer.name),
        )
        for producer in producers
    )
