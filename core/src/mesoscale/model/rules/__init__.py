"""Every rule that holds between fields of a document, by the section it sits on."""

from collections.abc import Mapping

from mesoscale.model.rule import Rule
from mesoscale.model.rules import batch, contracts, nodes, services, stateful, whole
from mesoscale.model.rules.fragments import MINUTE, at_least, ordered

RULES: Mapping[str, tuple[Rule, ...]] = {
    "Pipeline": whole.PIPELINE,
    "Spec": whole.SPEC,
    "Contract": contracts.CONTRACT,
    "Column": contracts.COLUMN,
    "Source": nodes.SOURCE,
    "Replay": nodes.REPLAY,
    "Synthetic": nodes.SYNTHETIC,
    "OpenWeather": (at_least("every", MINUTE, "one minute, the least between two observations"),),
    "OpenMeteo": (at_least("every", MINUTE, "one minute, the least between two observations"),),
    "Paged": (at_least("every", 1_000, "one second"),),
    "TopicSettings": nodes.TOPIC,
    "Stage": nodes.STAGE,
    "Window": stateful.WINDOW,
    "Session": stateful.SESSION,
    "Rolling": stateful.ROLLING,
    "Join": stateful.JOIN,
    "Feature": stateful.FEATURE,
    "Retries": (at_least("delay", 100, "100 ms"),),
    "Sink": nodes.SINK,
    "Scale": nodes.SCALE,
    "Table": nodes.TABLE,
    "Collection": (at_least("keep", MINUTE, "one minute, the pace at which MongoDB removes documents"),),
    "Kafka": services.KAFKA,
    "PostgreSQL": services.POSTGRESQL,
    "Code": services.CODE,
    "Job": batch.JOB,
    "Executors": (ordered("min", "max"),),
    "Check": batch.CHECK,
    "Slo": (at_least("freshness", 1_000, "one second"),),
}
"""Name of a class of the model → the rules of its mappings."""
