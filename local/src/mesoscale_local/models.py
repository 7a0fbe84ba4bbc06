"""Models that stages of a pipeline score with: what nobody has trained yet is trained before the pipeline begins."""

from collections.abc import Callable
from pathlib import Path

from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.graph.types import Graph
from mesoscale.model.source import Source
from mesoscale.model.stage import Stage
from mesoscale_local import programs, provision
from mesoscale_local.home import Home

FRAUD = "fraud"


async def provide(graph: Graph, document: Path, home: Home, say: Callable[[str], object]) -> None:
    """Train what is missing, on payments such as the document's own source makes.

    Whoever runs a document wants to see it run; a minute of training once is less of a surprise than a stage that
    cannot begin. Later trainings are asked for: `meso train fraud`.

    Raises:
        PlanRefused: the payments do not come from a source whose like can be made.
        MesoscaleError: the training failed.
    """
    stages = [node.section for node in graph.nodes if isinstance(node.section, Stage) and node.section.use == FRAUD]
    if not stages or (home.models / FRAUD / "champion").exists():
        return
    source = _origin(graph, stages[0])
    if source.synthetic is None:
        message = f'stage "{stages[0].name}" needs a trained model, and there is none in {home.models / FRAUD}'
        hint = "train one on recorded payments: meso train fraud --history FILE"
        raise PlanRefused(Problem(Reason.NOT_FOUND, message, hint=hint))
    program = programs.trainer(FRAUD, document, source.name, home)
    say(f"training model {FRAUD}, for the first time: up to a minute (its log is {program.log})")
    await provision.run(program)


def _origin(graph: Graph, stage: Stage) -> Source:
    """The source at the beginning of what a stage reads."""
    by_name = {node.name: node.section for node in graph.nodes}
    section = by_name[stage.from_]
    while isinstance(section, Stage):
        section = by_name[section.from_]
    assert isinstance(section, Source)
    return section
