"""Graph → Plan: everything that is to exist, as values. One module per kind of child."""

from mesoscale.plan.abilities import CLUSTER, ONE_MACHINE, Abilities
from mesoscale.plan.build import build
from mesoscale.plan.types import Plan, Table, Topic, Workload

__all__ = ["CLUSTER", "ONE_MACHINE", "Abilities", "Plan", "Table", "Topic", "Workload", "build"]
