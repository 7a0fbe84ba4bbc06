"""Graph → Plan, and the refusal of what the driver that is to run it cannot run."""

from mesoscale.errors import PlanRefused, Problem, Reason
from mesoscale.graph.build import Locate, nowhere
from mesoscale.graph.types import Graph
from mesoscale.plan import missing, tables, topics, workloads
from mesoscale.plan.abilities import ONE_MACHINE, Abilities
from mesoscale.plan.missing import Missing
from mesoscale.plan.types import Plan


def build(graph: Graph, locate: Locate = nowhere, abilities: Abilities = ONE_MACHINE) -> Plan:
    """Everything that the pipeline asks for.

    Args:
        abilities: of the driver that is to run it.

    Raises:
        PlanRefused: the document asks for parts that this driver, or any, cannot run, each with its place.
    """
    if problems := [_told(one, locate) for one in missing.find(graph.pipeline.spec, abilities)]:
        raise PlanRefused(problems)
    contracts = {edge.contract.name: edge.contract for edge in graph.edges}
    return Plan(
        pipeline=graph.pipeline.name,
        contracts=tuple(contracts.values()),
        topics=topics.plan(graph),
        tables=tables.plan(graph),
        workloads=workloads.plan(graph),
    )


def _told(one: Missing, locate: Locate) -> Problem:
    place = locate(one.path)
    if one.elsewhere:
        message = f"{one.what} runs in a cluster only"
        hint = f"on this machine there is: {one.way_out}; meso render --target cluster shows what a cluster would run"
        return Problem(Reason.CLUSTER_ONLY, message, place, hint)
    message = f"{one.what} cannot be run by this version of Mesoscale yet"
    return Problem(Reason.NOT_BUILT, message, place, f"take it out of the document; built so far: {one.way_out}")
