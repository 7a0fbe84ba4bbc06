"""Graph → Plan, and the refusal of what no part of Mesoscale can run yet."""

from collections.abc import Iterator

from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.graph.build import Locate, Path, nowhere
from mesoscale.graph.types import Graph
from mesoscale.model.pipeline import Spec
from mesoscale.model.sink import Sink
from mesoscale.model.stage import Stage
from mesoscale.plan import tables, topics, workloads
from mesoscale.plan.types import Plan

BUILT_SOURCES = ("replay", "synthetic")
BUILT_STEPS = ("forward",)
BUILT_SINKS = ("table",)


def build(graph: Graph, locate: Locate = nowhere) -> Plan:
    """Everything that the pipeline asks for.

    Raises:
        PlanRefused: the document asks for parts that are not built yet, each with its place.
    """
    spec = graph.pipeline.spec
    problems = [
        Problem(
            Reason.NOT_BUILT,
            f"{what} cannot be run by this version of Mesoscale yet",
            locate(path),
            f"take it out of the document; built so far: {way_out}",
        )
        for path, what, way_out in _not_built(spec)
    ]
    if problems:
        raise PlanRefused(problems)
    contracts = {edge.contract.name: edge.contract for edge in graph.edges}
    return Plan(
        pipeline=graph.pipeline.name,
        contracts=tuple(contracts.values()),
        topics=topics.plan(graph),
        tables=tables.plan(graph),
        workloads=workloads.plan(graph),
    )


Missing = Iterator[tuple[Path, str, str]]
"""(path, what has no program behind it, what there is instead)"""


def _not_built(spec: Spec) -> Missing:
    yield from _sources(spec)
    yield from _stages(spec)
    yield from _sinks(spec)
    yield from _sections(spec)


def _sources(spec: Spec) -> Missing:
    for i, source in enumerate(spec.sources):
        if source.kind not in BUILT_SOURCES:
            yield ("spec", "sources", i), f'source "{source.name}"', f"sources {', '.join(BUILT_SOURCES)}"


def _stages(spec: Spec) -> Missing:
    for i, stage in enumerate(spec.stages):
        if stage.use is not None and stage.use not in BUILT_STEPS:
            steps = f"use: {', '.join(BUILT_STEPS)}, and step: module:function"
            yield ("spec", "stages", i, "use"), f'the built-in step "{stage.use}"', steps
        yield from _scale(("spec", "stages", i, "scale"), stage)


def _sinks(spec: Spec) -> Missing:
    for i, sink in enumerate(spec.sinks):
        if sink.kind not in BUILT_SINKS:
            yield ("spec", "sinks", i), f'sink "{sink.name}"', f"sinks {', '.join(BUILT_SINKS)}"
        elif sink.table is not None and sink.table.keep is not None:
            yield ("spec", "sinks", i, "table", "keep"), f'retention of table "{sink.name}"', "tables without keep"
        yield from _scale(("spec", "sinks", i, "scale"), sink)


def _scale(path: Path, node: Stage | Sink) -> Missing:
    if node.scale.max > node.scale.min:
        yield path, f'autoscaling of "{node.name}"', "a fixed number of processes, min and max the same"


def _sections(spec: Spec) -> Missing:
    for section in ("jobs", "models", "checks", "slo"):
        if getattr(spec, section):
            yield ("spec", section), f"section {section}", "sources, stages, sinks"
    if spec.pause:
        yield ("spec", "pause"), "pausing", "running"
    if spec.deletion_policy != "retain":
        yield ("spec", "deletionPolicy"), f"deletionPolicy {spec.deletion_policy}", "deletionPolicy retain"
