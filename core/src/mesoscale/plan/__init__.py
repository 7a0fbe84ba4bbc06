"""Graph → Plan: everything that is to exist, as values. One module per kind of child."""

from mesoscale.plan.build import build
from mesoscale.plan.types import Plan, Table, Topic, Workload

__all__ = ["Plan", "Table", "Topic", "Workload", "build"]
