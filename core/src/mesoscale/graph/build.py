"""Pipeline → Graph: resolve references, order the nodes, refuse cycles and dangling names."""

from collections.abc import Callable, Iterable, Iterator

from mesoscale import naming
from mesoscale.contract import catalogue
from mesoscale.contract.types import Contract
from mesoscale.errors import DocumentRefused, Place, Problem, Reason, nearest
from mesoscale.graph import columns, derived, fit
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
    contracts = _contracts(pipeline)
    if problems := list(_dangling(pipeline, contracts, locate)):
        raise DocumentRefused(problems)

    stages = _in_order(pipeline, locate)
    shape = {source.name: contracts[source.contract] for source in pipeline.spec.sources}
    for stage in stages:
        shape[stage.name] = _outgoing(pipeline, stage, shape, contracts, locate)
    if problems := [
        Problem(Reason.UNKNOWN_REFERENCE, one.message, locate(one.path), one.hint)
        for one in columns.unknown(pipeline.spec, shape)
    ]:
        raise DocumentRefused(problems)
    return Graph(pipeline=pipeline, nodes=_nodes(pipeline, stages), edges=_edges(pipeline, stages, shape))


def _dangling(pipeline: Pipeline, contracts: Iterable[str], locate: Locate) -> Iterator[Problem]:
    """Every name that refers to nothing."""
    producers = [source.name for source in pipeline.spec.sources] + [stage.name for stage in pipeline.spec.stages]

    def refer(path: Path, name: str | None, allowed: Iterable[str], what: str) -> Iterator[Problem]:
        if name is not None and name not in allowed:
            message = f'"{name}" is not {what} ({", ".join(sorted(allowed))})'
            yield Problem(Reason.UNKNOWN_REFERENCE, message, locate(path), nearest(name, list(allowed)))

    for i, source in enumerate(pipeline.spec.sources):
        yield from refer(("spec", "sources", i, "contract"), source.contract, contracts, "a contract")
    for i, stage in enumerate(pipeline.spec.stages):
        yield from refer(("spec", "stages", i, "from"), stage.from_, producers, "a source or stage")
        yield from refer(("spec", "stages", i, stage.kind, "with"), stage.beside, producers, "a source or stage")
        yield from refer(("spec", "stages", i, "contract"), stage.contract, contracts, "a contract")
    for i, sink in enumerate(pipeline.spec.sinks):
        yield from refer(("spec", "sinks", i, "from"), sink.from_, producers, "a source or stage")


def _contracts(pipeline: Pipeline) -> dict[str, Contract]:
    return catalogue.SHIPPED | {contract.name: contract for contract in pipeline.spec.contracts}


def _outgoing(
    pipeline: Pipeline, stage: Stage, shape: dict[str, Contract], contracts: dict[str, Contract], locate: Locate
) -> Contract:
    """The contract of what a stage makes of what it reads, whose contracts are in `shape`.

    Raises:
        DocumentRefused: what it is to do does not fit what it reads.
    """
    path: Path = ("spec", "stages", pipeline.spec.stages.index(stage))
    named = contracts[stage.contract] if stage.contract else None
    producers: list[Source | Stage] = [*pipeline.spec.sources, *pipeline.spec.stages]
    settings = {one.name: one.topic for one in producers}

    def read(producer: str) -> fit.Input:
        return fit.Input(producer, shape[producer], settings[producer].partitions)

    incoming, beside = read(stage.from_), read(stage.beside) if stage.beside else None
    wrong = list(fit.wrong(stage, path, incoming, beside))
    made = named or incoming.contract
    if not wrong and stage.stateful and stage.kind != "step":
        made = derived.outgoing(stage, incoming.contract, beside.contract if beside else None)
        wrong = list(fit.unfit(stage, path, made, named)) if named else []
    if wrong:
        raise DocumentRefused([Problem(one.reason, one.message, locate(one.path), one.hint) for one in wrong])
    return named or made


def _in_order(pipeline: Pipeline, locate: Locate) -> list[Stage]:
    """The stages, each after the one it reads from."""
    ready = {source.name for source in pipeline.spec.sources}
    waiting = list(pipeline.spec.stages)
    ordered: list[Stage] = []
    while waiting:
        free = [stage for stage in waiting if {stage.from_, stage.beside or stage.from_} <= ready]
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
    middle = [Node(stage.name, "stage", stage, stage.from_, stage.name, stage.beside) for stage in stages]
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
            consumers=tuple(reader.name for reader in readers if producer.name in _read(reader)),
        )
        for producer in producers
    )


def _read(reader: Stage | Sink) -> tuple[str | None, ...]:
    return (reader.from_, reader.beside) if isinstance(reader, Stage) else (reader.from_,)
