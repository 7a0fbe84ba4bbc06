"""What of a document a driver cannot run: because nothing can yet, or because only a cluster can."""

from collections.abc import Iterator
from dataclasses import dataclass

from mesoscale.graph.build import Path
from mesoscale.model.pipeline import Spec
from mesoscale.model.sink import Sink
from mesoscale.model.stage import Stage
from mesoscale.plan.abilities import SINKS, SOURCES, STATEFUL, STEPS, Abilities


@dataclass(frozen=True, slots=True)
class Missing:
    """One part of the document: where, what, and what there is instead. `elsewhere`: a cluster could run it."""

    path: Path
    what: str
    way_out: str
    elsewhere: bool = False


def find(spec: Spec, can: Abilities) -> Iterator[Missing]:
    """Every part that a driver with these abilities cannot run."""
    yield from _sources(spec)
    yield from _stages(spec, can)
    yield from _sinks(spec, can)
    yield from _jobs(spec, can)
    yield from _sections(spec, can)


def _sources(spec: Spec) -> Iterator[Missing]:
    for i, source in enumerate(spec.sources):
        if source.kind not in SOURCES:
            yield Missing(("spec", "sources", i), f'source "{source.name}"', f"sources {', '.join(SOURCES)}")


def _stages(spec: Spec, can: Abilities) -> Iterator[Missing]:
    for i, stage in enumerate(spec.stages):
        if stage.use is not None and stage.use not in STEPS:
            steps = f"use: {', '.join(STEPS)}, and step: module:function"
            yield Missing(("spec", "stages", i, "use"), f'the built-in step "{stage.use}"', steps)
        if stage.stateful and stage.kind not in ("use", "step", *STATEFUL):
            stages = f"use, step, {', '.join(STATEFUL)}"
            yield Missing(("spec", "stages", i, stage.kind), f"a stage that does {stage.kind}", stages)
        yield from _scale(("spec", "stages", i, "scale"), stage, can)


def _sinks(spec: Spec, can: Abilities) -> Iterator[Missing]:
    for i, sink in enumerate(spec.sinks):
        path: Path = ("spec", "sinks", i)
        if sink.kind not in SINKS:
            yield Missing(path, f'sink "{sink.name}"', f"sinks {', '.join(SINKS)}")
        elif sink.table is not None and sink.table.keep is not None:
            yield Missing((*path, "table", "keep"), f'retention of table "{sink.name}"', "tables without keep")
        yield from _scale((*path, "scale"), sink, can)


def _scale(path: Path, node: Stage | Sink, can: Abilities) -> Iterator[Missing]:
    if node.scale.max > node.scale.min and not can.autoscaling:
        instead = "a fixed number of processes, min and max the same"
        yield Missing(path, f'autoscaling of "{node.name}"', instead, elsewhere=True)


def _jobs(spec: Spec, can: Abilities) -> Iterator[Missing]:
    for i, job in enumerate(spec.jobs):
        if job.use is not None:
            instead = "jobs with a program of your own, in a cluster"
            yield Missing(("spec", "jobs", i, "use"), f'the built-in job "{job.use}"', instead)
        elif not can.programs:
            yield Missing(("spec", "jobs", i), f'job "{job.name}"', "sources, stages, sinks", elsewhere=True)


def _sections(spec: Spec, can: Abilities) -> Iterator[Missing]:
    for section in ("models", "checks"):
        if getattr(spec, section):
            yield Missing(("spec", section), f"section {section}", "sources, stages, sinks")
    if spec.slo and not can.objectives:
        yield Missing(("spec", "slo"), "section slo", "sources, stages, sinks", elsewhere=True)
    if spec.pause and not can.pause:
        yield Missing(("spec", "pause"), "pausing", "running", elsewhere=True)
    if spec.deletion_policy != "retain" and not can.deletion_policies:
        policy = f"deletionPolicy {spec.deletion_policy}"
        yield Missing(("spec", "deletionPolicy"), policy, "deletionPolicy retain", elsewhere=True)
