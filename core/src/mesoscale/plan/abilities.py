"""Abilities: which parts of a document a driver has programs and objects for."""

from dataclasses import dataclass

SOURCES = ("replay", "synthetic")
STEPS = ("forward", "alerts", "fraud")
STATEFUL = ("window", "session", "rolling", "join", "enrich")
SINKS = ("table", "webhook")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What drivers differ in; the sources, steps and sinks above run with all of them."""

    autoscaling: bool = False  # as many processes as the lag asks for
    programs: bool = False  # jobs with a program of the user's own
    objectives: bool = False  # alerts from section slo
    pause: bool = False
    deletion_policies: bool = False  # other than retain


ONE_MACHINE = Abilities()
CLUSTER = Abilities(autoscaling=True, programs=True, objectives=True, pause=True, deletion_policies=True)
